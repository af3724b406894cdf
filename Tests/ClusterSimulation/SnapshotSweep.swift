internal import Configuration
internal import Domain
internal import Format
internal import Foundation
internal import Learning
internal import ParameterServer
internal import SystemPackage

/// What readers make of a snapshot that is damaged at any place: none at all.
package struct SnapshotSweep {
    package struct Failure: Error {
        package var what: String
    }

    private let intact: [UInt8]
    private let path: FilePath

    /// A model of 256 rows in two chunks, and a trainer's marks.
    package init() throws {
        var spec = ModelSpec()
        spec.bits = 8
        let history = History(0xAB)
        var stream = SnapshotStream(spec, .whole, history: history, version: Version(20), chunkRowCount: 128)
        var bytes = stream.begin()
        while let range = stream.nextRange {
            bytes += stream.chunk(range, range.flatMap { [Float($0), 1] })
            stream.tookRange()
        }
        let header = CommitHeader(
            history: history, epoch: 2, number: 3, previousHash: 7, stableNumber: 2, version: Version(30),
            exampleCount: 30, acceptedLately: 1, windowMax: 8, fingerprint: spec.fingerprint, atMilliseconds: 5,
            publishedVersion: Version(20), total: Validation.Sums(), window: Validation.Sums(), batches: [])
        var marks = TrainerMarks()
        for sequence in 1...70 as ClosedRange<UInt64> {
            marks.ordered(
                by: ModelName("anna")!, digest: sequence, version: Version(sequence), atMilliseconds: sequence)
        }
        intact = bytes + stream.end(SnapshotFooter(header: header, clampedCount: 4, marks: marks))
        path = FilePath(NSTemporaryDirectory()).appending("sluice-sweep-\(UUID().uuidString)")
        guard try isRead(intact) else { throw Failure(what: "the snapshot as it was written is not read") }
    }

    package var byteCount: Int { intact.count }

    /// A file left over in /tmp harms nobody.
    package func end() { try? FileManager.default.removeItem(atPath: path.string) }

    /// Flips one bit after the other; each must be noticed.
    package func flipBits() throws {
        var bytes = intact
        for bit in 0..<8 * bytes.count {
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            if try isRead(bytes) { throw Failure(what: "bit \(bit) is flipped and nobody notices") }
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        }
    }

    /// Ends the file at each byte, and sets each number of four bytes to the largest there is.
    package func cutAndSwell() throws {
        for end in 0..<intact.count where try isRead(Array(intact[..<end])) {
            throw Failure(what: "it ends at byte \(end) and nobody notices")
        }
        for at in 0..<intact.count - 4 {
            var bytes = intact
            for k in at..<at + 4 { bytes[k] = 0xFF }
            if try bytes != intact && isRead(bytes) {
                throw Failure(what: "a length at byte \(at) is 4 GiB and nobody notices")
            }
        }
    }

    private func isRead(_ bytes: [UInt8]) throws -> Bool {
        // In place: a file that is truncated and closed is flushed by some systems.
        let file = try FileDescriptor.open(path, .readWrite, options: [.create], permissions: [.ownerReadWrite])
        try file.closeAfter {
            try file.writeAll(toAbsoluteOffset: 0, bytes)
            try file.resize(to: Int64(bytes.count))
        }
        do throws(SnapshotFailure) {
            _ = try LoadedSnapshot(path)
            return true
        } catch { return false }
    }
}
