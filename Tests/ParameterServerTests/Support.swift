internal import Domain
internal import Features
internal import Format
internal import ParameterServer
internal import Synchronization
internal import TestSupport
internal import Testing

extension ModelSpec {
    /// Small enough that features meet, with every option of the learner switched on.
    static func small(bits: Int = 12) -> ModelSpec {
        var spec = ModelSpec()
        spec.bits = bits
        spec.learner = .ftrl(alpha: 0.3, beta: 0.5, l1: 0.01, l2: 0.1)
        return spec
    }
}

/// Lines of Vowpal Wabbit text, all good.
func goodLines(_ count: Int, _ random: inout SeededGenerator) -> String {
    var text = ""
    for _ in 0..<count {
        text += Bool.random(using: &random) ? "1" : "-1"
        if Int.random(in: 0..<4, using: &random) == 0 { text += " 2.5" }
        text += " |a x\(Int.random(in: 0..<500, using: &random)) y:\(Int.random(in: -9...9, using: &random))"
        text += " |b z\(Int.random(in: 0..<5000, using: &random)):0.25\n"
    }
    return text
}

/// The whole text as one batch.
func batch(_ text: String, _ spec: ModelSpec) throws -> BatchCutter.Batch {
    try #require(try batches([Array(text.utf8)], spec, lineCount: nil).first)
}

/// What the cutter makes of a text that comes in pieces.
func batches(
    _ pieces: [[UInt8]], _ spec: ModelSpec, lineCount: Int?, byteCountMax: Int = Limits.Training.batchByteCountMax
) throws -> [BatchCutter.Batch] {
    var cutter = BatchCutter(Plan(spec), lineCount: lineCount, byteCountMax: byteCountMax)
    var found: [BatchCutter.Batch] = []
    for piece in pieces {
        piece.span.withBytes { cutter.append($0) }
        while let batch = try cutter.next(endsText: false) { found.append(batch) }
    }
    while let batch = try cutter.next(endsText: true) { found.append(batch) }
    return found
}

extension Span<UInt8> {
    /// The bytes as the cutter wants them.
    func withBytes(_ body: (RawSpan) -> Void) { unsafe body(bytes) }
}

/// Waits for a condition, up to ten seconds.
func eventually(
    _ what: Comment, location: SourceLocation = #_sourceLocation, _ isTrue: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while try await !isTrue() {
        guard ContinuousClock.now < deadline else {
            Issue.record(what, sourceLocation: location)
            return
        }
        await Task.yield()
    }
}
