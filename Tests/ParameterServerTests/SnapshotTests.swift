internal import Configuration
internal import Domain
internal import Files
internal import Format
internal import Foundation
internal import Learning
internal import ParameterServer
internal import SystemPackage
internal import Testing

@Suite("A snapshot is read whole or not at all")
struct SnapshotTests {
    private let root = FilePath(NSTemporaryDirectory()).appending("sluice-snapshots-\(UUID().uuidString)")
    private let history = History(0xAB)
    private let name = SnapshotFolder.Name(number: 3, version: Version(30))
    private let spec: ModelSpec = {
        var spec = ModelSpec()
        spec.bits = 8
        return spec
    }()

    private func footer(number: UInt64 = 3) -> SnapshotFooter {
        let header = CommitHeader(
            history: history, epoch: 2, number: number, previousHash: 7, stableNumber: 2, version: Version(10 * number),
            exampleCount: 10 * number, acceptedLately: 1, windowMax: 8, fingerprint: spec.fingerprint,
            atMilliseconds: 5, publishedVersion: Version(20), total: Validation.Sums(), window: Validation.Sums(),
            batches: [])
        var marks = TrainerMarks()
        for sequence in 1...70 as ClosedRange<UInt64> {
            marks.ordered(
                by: ModelName("anna")!, digest: sequence, version: Version(sequence), atMilliseconds: sequence)
        }
        return SnapshotFooter(header: header, clampedCount: 4, marks: marks)
    }

    /// Every row of the model, two chunks, as a file.
    private func bytes(number: UInt64 = 3) -> [UInt8] {
        var stream = SnapshotStream(spec, .whole, history: history, version: Version(20), chunkRowCount: 128)
        var bytes = stream.begin()
        while let range = stream.nextRange {
            bytes += stream.chunk(range, range.flatMap { [Float($0), Float(number)] })
            stream.tookRange()
        }
        return bytes + stream.end(footer(number: number))
    }

    private func write(_ bytes: [UInt8], as name: SnapshotFolder.Name) throws {
        let path = SnapshotFolder(root).path(history, name)
        try makeFolders(path.removingLastComponent())
        try Data(bytes).write(to: URL(fileURLWithPath: path.string))
    }

    private func read(_ name: SnapshotFolder.Name) throws -> (rows: [UInt32: [Float]], footer: SnapshotFooter) {
        var rows: [UInt32: [Float]] = [:]
        let footer = try SnapshotFolder(root).read(history, name) { header, payload in
            var (indices, values): ([UInt32], [Float]) = ([], [])
            try decodeRows(
                header, columns: .state, payload: payload, indexLimit: 256, into: &indices, values: &values)
            for (k, index) in indices.enumerated() { rows[index] = [values[2 * k], values[2 * k + 1]] }
        }
        return (rows, footer)
    }

    private func remove() { try? FileManager.default.removeItem(atPath: root.string) }

    @Test("rows, header and trainers' marks are read as they were written")
    func whole() throws {
        defer { remove() }
        try write(bytes(), as: name)
        let (rows, footer) = try read(name)
        #expect(rows.count == 256 && rows[200] == [200, 3])
        #expect(footer.header == self.footer().header && footer.clampedCount == 4)
        #expect(footer.marks.trainers == self.footer().marks.trainers)
    }

    @Test("a flipped bit anywhere, or an end anywhere, makes it none")
    func damaged() throws {
        defer { remove() }
        let intact = bytes()
        // All of the end, where the footer is found, and some of the rest.
        let places = Array(stride(from: 0, to: intact.count, by: 61)) + Array(intact.count - 24..<intact.count)
        for place in places {
            var flipped = intact
            flipped[place] ^= 1 << UInt8(place % 8)
            try write(flipped, as: name)
            #expect(throws: (any Error).self, "byte \(place) was changed") { _ = try read(name) }
            try write(Array(intact[..<place]), as: name)
            #expect(throws: (any Error).self, "cut at byte \(place)") { _ = try read(name) }
        }
    }

    @Test("under another commit's name it is none, and the one before is found")
    func newest() throws {
        defer { remove() }
        try write(bytes(number: 2), as: SnapshotFolder.Name(number: 2, version: Version(20)))
        try write(bytes(number: 3), as: SnapshotFolder.Name(number: 4, version: Version(40)))
        try write([], as: SnapshotFolder.Name(number: 5, version: Version(50)))
        let (footer, wrong) = SnapshotFolder(root).newestFooter(history)
        #expect(footer?.header.number == 2)
        #expect(wrong.count == 2 && "\(wrong[1])".contains("another commit than its name says"))
    }

    @Test("a footer that announces more than the file has is refused before anything is made for it")
    func hostileFooter() throws {
        defer { remove() }
        var wrong = bytes()
        for place in 0..<8 { wrong[wrong.count - 16 + place] = 0xFF }
        try write(wrong, as: name)
        #expect(throws: SnapshotFailure.self) { _ = try read(name) }
    }
}
