internal import Files
internal import Foundation
internal import Journal
internal import SystemPackage
internal import Testing

@Suite("A journal on real files keeps whole frames, and says what is not")
struct FileDiskTests {
    let folder: FilePath

    init() {
        folder = FilePath(NSTemporaryDirectory()).appending("sluice-journal-\(UUID().uuidString)")
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder.string) }

    /// Writes frames of these sizes and reads them back from a disk opened anew.
    private func write(_ byteCounts: [Int], segmentByteCount: Int = 4096) throws -> [[UInt8]] {
        let disk = try FileDisk(folder)
        var writer = try JournalWriter(disk, after: try scan(disk).0, segmentByteCount: segmentByteCount, random: 9)
        var frames: [[UInt8]] = []
        for (place, count) in byteCounts.enumerated() {
            let frame = [UInt8](repeating: UInt8(place + 1), count: count)
            _ = try writer.append(frame) { [] }
            frames.append(frame)
        }
        return frames
    }

    private func scan(_ disk: FileDisk) throws -> (JournalScan, [[UInt8]]) {
        var frames: [[UInt8]] = []
        let scan = try JournalScan(disk) { bytes, payload, _, _ in frames.append(Array(bytes[payload])) }
        return (scan, frames)
    }

    private func change(_ segment: UInt64, _ body: (inout [UInt8]) -> Void) throws {
        let path = folder.appending("\(segment).journal")
        var bytes = try readFile(path)
        body(&bytes)
        try Data(bytes).write(to: URL(fileURLWithPath: path.string))
    }

    @Test("what was appended is read by the next process, over segments, and it goes on behind it")
    func reopened() throws {
        defer { remove() }
        let first = try write([10, 3000, 1, 2000, 9000, 0, 17])
        let second = try write([5, 6])
        let (scan, frames) = try scan(try FileDisk(folder))
        #expect(frames == first + second)
        #expect(scan.torn == nil && scan.end?.frameNumber == 9)
    }

    @Test("a tail cut off is kept aside, and the next frame takes its place")
    func torn() throws {
        defer { remove() }
        let frames = try write([100, 200])
        // The second frame: its header at 152, its payload cut.
        try change(1) { for place in 250..<400 { $0[place] = 0 } }
        do {
            let (scan, read) = try scan(try FileDisk(folder))
            #expect(read == [frames[0]])
            let torn = try #require(scan.torn)
            #expect(torn.offset == 152)
            #expect(try readFile(FilePath(torn.keptAt)).count == 248)
        }
        let third = try write([300])
        let (_, read) = try scan(try FileDisk(folder))
        #expect(read == [frames[0]] + third)
    }

    @Test("damage before the last frame is refused with file and offset, and nothing is changed")
    func damage() throws {
        defer { remove() }
        _ = try write([100, 200, 300])
        try change(1) { $0[60] ^= 1 }
        let before = try readFile(folder.appending("1.journal"))
        let error = try #require(throws: JournalDamage.self) { _ = try scan(try FileDisk(folder)) }
        #expect(error.offset == 0 && error.path.hasSuffix("1.journal"))
        #expect("\(error)".contains("byte 0: frame 1 is bad and another follows it at byte 152"))
        #expect(try readFile(folder.appending("1.journal")) == before)
    }

    @Test("a segment that is missing is damage")
    func missing() throws {
        defer { remove() }
        _ = try write([3000, 3000, 3000])
        try removeFile(folder.appending("2.journal"))
        #expect(throws: JournalDamage.self) { _ = try scan(try FileDisk(folder)) }
    }

    /// Writes a frame's header checksum anew, by a CRC of the test's own.
    private func reseal(_ bytes: inout [UInt8]) {
        var register: UInt32 = ~0
        for byte in bytes[..<44] {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0x82F6_3B78 : register >> 1 }
        }
        for place in 0..<4 { bytes[44 + place] = UInt8(truncatingIfNeeded: ~register >> UInt32(8 * place)) }
    }

    @Test("another program's journal is refused, not begun anew")
    func otherVersion() throws {
        defer { remove() }
        _ = try write([100])
        try change(1) { bytes in
            bytes[4] = 2
            reseal(&bytes)
        }
        let error = try #require(throws: JournalDamage.self) { _ = try scan(try FileDisk(folder)) }
        #expect("\(error)".contains("its frames have version 2, this program reads 1"))
        #expect(try FileDisk(folder).segments() == [1])
    }

    @Test("a segment under another's name is refused, not removed")
    func misnamed() throws {
        defer { remove() }
        _ = try write([3000, 3000])
        try rename(folder.appending("2.journal"), to: folder.appending("1.journal"))
        let error = try #require(throws: JournalDamage.self) { _ = try scan(try FileDisk(folder)) }
        #expect("\(error)".contains("it is segment 2 under another name"))
    }

    @Test("a segment's only frame, cut off or with a damaged header, is kept aside", arguments: [20, 100])
    func onlyFrame(damagedByte: Int) throws {
        defer { remove() }
        _ = try write([200])
        try change(1) { $0[damagedByte] ^= 1 }
        do {
            let (scan, frames) = try scan(try FileDisk(folder))
            #expect(frames == [] && scan.end == nil)
            let torn = try #require(scan.torn)
            #expect(try readFile(FilePath(torn.keptAt)).count >= 248)
        }
        #expect(try write([5]) == [[1, 1, 1, 1, 1]])
    }

    @Test("what an earlier use of a segment left is no frame of the next")
    func recycled() throws {
        defer { remove() }
        do {
            let disk = try FileDisk(folder)
            var writer = try JournalWriter(disk, after: try scan(disk).0, segmentByteCount: 4096, random: 9)
            for round in 0..<12 {
                let place = try writer.append([UInt8](repeating: UInt8(round), count: 3000)) { [] }
                try writer.release(below: place.segment)
            }
            #expect(try disk.segments() == [11, 12], "the oldest that nobody needs becomes the next")
        }
        let (scan, frames) = try scan(try FileDisk(folder))
        #expect(frames.map(\.[0]) == [10, 11])
        #expect(scan.end?.segment == 12)
    }

    @Test("a second process is kept away")
    func locked() throws {
        defer { remove() }
        let disk = try FileDisk(folder)
        let error = try #require(throws: DiskFailure.self) { _ = try FileDisk(folder, lockWait: .zero) }
        #expect("\(error)".contains("another process uses it"))
        #expect(try disk.segments() == [])
    }
}
