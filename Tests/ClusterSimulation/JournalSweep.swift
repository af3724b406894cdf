internal import Journal
internal import TestSupport

/// What a journal makes of damage at every place: nothing but its last frame may be missing, and nothing may be another.
package struct JournalSweep {
    package struct Failure: Error {
        package var what: String
    }

    private let frames: [[UInt8]]
    private let disk: SimulatedDisk
    private let places: [(segment: UInt64, range: Range<Int>)]

    /// Writes frames of some hundred bytes over several segments, about 10 KB in all.
    package init() throws {
        var random = SeededGenerator(seed: 3)
        frames = (0..<40).map { _ in
            (0..<Int.random(in: 1...400, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        disk = SimulatedDisk()
        var writer = try JournalWriter(
            disk, after: try JournalScan(disk) { _, _, _, _ in }, segmentByteCount: 3000, random: 5)
        for frame in frames { _ = try writer.append(frame) { [] } }
        var places: [(UInt64, Range<Int>)] = []
        _ = try JournalScan(disk) { _, payload, segment, shift in
            places.append((segment, payload.lowerBound + shift..<payload.upperBound + shift))
        }
        self.places = places
    }

    package var byteCount: Int { disk.files.values.reduce(0) { $0 + $1.count } }

    /// Flips one bit after the other.
    ///
    /// - Parameter stride: 1 for all of them.
    /// - Returns: how often the last frame was cut, how often the journal was refused, how often nothing was amiss.
    package func flipBits(stride step: Int) throws(Failure) -> (cut: Int, refused: Int, whole: Int) {
        var counts = (cut: 0, refused: 0, whole: 0)
        for (segment, bytes) in disk.files.sorted(by: { $0.key < $1.key }) {
            for bit in Swift.stride(from: 0, to: 8 * bytes.count, by: step) {
                let flipped = SimulatedDisk(disk.files)
                flipped.change(segment) { $0[bit / 8] ^= 1 << UInt8(bit % 8) }
                switch try outcome(flipped, "bit \(bit) of segment \(segment)") {
                case .cut: counts.cut += 1
                case .refused: counts.refused += 1
                case .whole: counts.whole += 1
                }
            }
        }
        return counts
    }

    /// Ends the last frame at each of its bytes, what follows being zeros, or an older use of the segment.
    package func tearTail() throws(Failure) -> Int {
        guard let (segment, payload) = places.last else { throw Failure(what: "no frame") }
        let frame = payload.lowerBound - 48..<payload.upperBound
        for end in frame {
            for filler in [0, 0xA5] as [UInt8] {
                let torn = SimulatedDisk(disk.files)
                torn.change(segment) { for place in end..<frame.upperBound { $0[place] = filler } }
                guard try outcome(torn, "the tail cut at byte \(end)") == .cut else {
                    // A frame that ends in the filler's bytes is whole.
                    let isSame = torn.files == disk.files
                    guard isSame else { throw Failure(what: "a tail cut at byte \(end) was not cut off") }
                    continue
                }
            }
        }
        return 2 * frame.count
    }

    private enum Outcome { case cut, refused, whole }

    private func outcome(_ disk: SimulatedDisk, _ what: String) throws(Failure) -> Outcome {
        var read: [[UInt8]] = []
        do {
            _ = try JournalScan(disk) { bytes, payload, _, _ in read.append(Array(bytes[payload])) }
        } catch is JournalDamage { return .refused } catch { throw Failure(what: "\(what): \(error)") }
        guard read.count >= frames.count - 1, read == Array(frames.prefix(read.count)) else {
            throw Failure(what: "\(what): other frames, or fewer than all but the last")
        }
        return read.count == frames.count ? .whole : .cut
    }
}
