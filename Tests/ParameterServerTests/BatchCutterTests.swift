internal import Domain
internal import Features
internal import Format
internal import ParameterServer
internal import TestSupport
internal import Testing

@Suite("A body is cut into the same batches however it comes")
struct BatchCutterTests {
    /// What a batch says, comparable.
    private struct Told: Equatable, CustomStringConvertible {
        var description: String { "\(lineCount) lines, \(byteCount) bytes, errors \(errors.told.map(\.line))" }
        var labels: [Float]
        var importances: [Float]
        var features: [[String]]
        var errors: LineErrors
        var byteCount: Int
        var lineCount: Int
        var digest: UInt64

        init(_ batch: BatchCutter.Batch) {
            let examples = batch.examples
            labels = Array(examples.labels[..<examples.exampleCount])
            importances = Array(examples.importances[..<examples.exampleCount])
            features = (0..<examples.exampleCount).map { examples.features(of: $0).map { "\($0.index):\($0.value)" } }
            (errors, byteCount) = (batch.errors, batch.byteCount)
            (lineCount, digest) = (batch.lineCount, batch.digest)
        }
    }

    private func told(_ pieces: [[UInt8]], lineCount: Int?) throws -> [Told] {
        try batches(pieces, .small(), lineCount: lineCount).map { Told($0) }
    }

    /// Good, bad and empty lines; the last without a line feed.
    private static let mixed = Array(
        """
        1 |a x y
        -1 2 |a z:0.5

        oops |a x
        1 |a x:nan
        0 |b w

        1 |a b c d
        -1 |b
        1 1 1 |a x
        1 |last one
        """.utf8)

    @Test("cut in two anywhere", arguments: [nil, 1, 2, 3, 4, 100] as [Int?])
    func twoPieces(lineCount: Int?) throws {
        let whole = try told([Self.mixed], lineCount: lineCount)
        for cut in 0...Self.mixed.count {
            let pieces = [Array(Self.mixed[..<cut]), Array(Self.mixed[cut...])]
            #expect(try told(pieces, lineCount: lineCount) == whole, "cut at \(cut)")
        }
    }

    @Test("cut at random", arguments: 0..<10 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var lines = goodLines(200, &random).split(separator: "\n").map(String.init)
        for _ in 0..<40 {
            lines.insert(
                ["", "bad", "1 |a :"].randomElement(using: &random)!, at: .random(in: 0..<200, using: &random))
        }
        let text = Array(lines.joined(separator: "\n").utf8)
        let lineCount = Bool.random(using: &random) ? Int.random(in: 1...50, using: &random) : nil
        var pieces: [[UInt8]] = []
        var rest = text[...]
        while !rest.isEmpty {
            pieces.append(Array(rest.prefix(.random(in: 1...300, using: &random))))
            rest = rest.dropFirst(pieces.last?.count ?? 0)
        }
        #expect(try told(pieces, lineCount: lineCount) == told([text], lineCount: lineCount), "seed \(seed)")
    }

    @Test("every N lines are a batch, bad and empty ones included; the rest is the last", arguments: 1...12)
    func everyLines(lineCount: Int) throws {
        let lines = Self.mixed.split(separator: 0x0a, omittingEmptySubsequences: false)
        let found = try told([Self.mixed], lineCount: lineCount)
        let ends = stride(from: 0, to: lines.count, by: lineCount)
        #expect(found.map(\.lineCount) == ends.map { min(lineCount, lines.count - $0) })
        #expect(found.map(\.byteCount).reduce(0, +) == Self.mixed.count)
    }

    @Test(
        "an error's line counts from the body's beginning, its column from the line's",
        arguments: [nil, 1, 2, 5] as [Int?])
    func errorLines(lineCount: Int?) throws {
        let errors = try told([Self.mixed], lineCount: lineCount).flatMap { $0.errors.told }
        #expect(errors.map(\.line) == [4, 5, 10])
        #expect(errors.map(\.column) == [1, 8, 5])
    }

    @Test("a batch's digest is that of its bytes", arguments: [1, 3, 4])
    func digests(lineCount: Int) throws {
        var rest = Self.mixed[...]
        for batch in try told([Self.mixed], lineCount: lineCount) {
            var digest = ContentDigest()
            digest.add(Array(rest), first: batch.byteCount)
            #expect(batch.digest == digest.value)
            rest = rest.dropFirst(batch.byteCount)
        }
        #expect(rest.isEmpty)
    }

    @Test("an empty body is no batch; a body of bad lines is one, so that it has a number")
    func withoutExamples() throws {
        #expect(try told([], lineCount: nil).isEmpty)
        #expect(try told([[]], lineCount: 3).isEmpty)
        let bad = try told([Array("oops\n".utf8)], lineCount: nil)
        #expect(bad.count == 1 && bad[0].labels.isEmpty && bad[0].errors.count == 1)
        #expect(try told([Array("\n".utf8)], lineCount: 1).count == 1)
    }

    @Test(
        "a batch of the most bytes is taken, one byte more is not, in one piece or many", arguments: [nil, 3] as [Int?])
    func tooLarge(lineCount: Int?) throws {
        let byteCountMax = 3000
        let third = byteCountMax / 3
        for (extra, isTaken) in [(0, true), (1, false)] {
            let rest = byteCountMax + extra - 2 * third
            let lines = [third, third, rest].map { Array(repeating: UInt8(ascii: "x"), count: $0 - 1) + [0x0a] }
            let text = Array(lines.joined()) + Array("1 |a x\n".utf8)
            let body = lineCount == nil ? Array(lines.joined()) : text
            for pieceByteCount in [body.count, 700] {
                let pieces = stride(from: 0, to: body.count, by: pieceByteCount).map {
                    Array(body[$0..<min($0 + pieceByteCount, body.count)])
                }
                if isTaken {
                    #expect(
                        try batches(pieces, .small(), lineCount: lineCount, byteCountMax: byteCountMax).count
                            == (lineCount == nil ? 1 : 2))
                } else {
                    #expect(throws: BatchCutter.Failure.self, "in \(pieces.count) pieces") {
                        try batches(pieces, .small(), lineCount: lineCount, byteCountMax: byteCountMax)
                    }
                }
            }
        }
    }

    @Test("memory that was given back holds nothing of the batch before")
    func recycled() throws {
        var cutter = BatchCutter(Plan(.small()), lineCount: 2)
        let line = Array("1 |a x y z\n".utf8)
        for _ in 0..<20 {
            line.span.withBytes { cutter.append($0) }
            line.span.withBytes { cutter.append($0) }
            let batch = try #require(try cutter.next(endsText: false))
            #expect(batch.examples.exampleCount == 2 && batch.examples.featureCount == 8)
            cutter.recycle(batch.examples)
        }
    }
}
