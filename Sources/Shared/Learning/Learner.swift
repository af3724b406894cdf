internal import CKernels
package import Domain
package import Features
package import Format

/// A model's rows and the rule that changes them: plain sequential learning, one example after the other.
///
/// The margins are sums of products quantised to 2^-32, so they have no order: the same whether one owner holds all
/// rows or many hold some (docs/decisions/0003-quantised-margins.md).
package struct Learner: ~Copyable {
    package let spec: ModelSpec
    package private(set) var validation = Validation()
    /// Examples learned: the version, as long as no operator's command changed weights.
    package private(set) var exampleCount: UInt64 = 0
    /// The place in its batch of the example learned last.
    package private(set) var lastExample = 0
    /// Products of weight and value beyond ±512 that a margin had to clamp. Not 0 means values want scaling.
    package private(set) var clampedCount = 0

    private var table: RowTable
    /// Of the last batch learned: the first E are its examples' margins, in log-odds.
    package private(set) var margins: [Double] = []
    private var weights = [Float](repeating: 0, count: Limits.Features.perExampleMax + ExampleBatch.slack)
    /// What a tolerant model learns with. An exact one needs no windows here: it has all rows.
    private var rounds: SettledRounds
    private var windowPass = WindowPass()

    package init(_ spec: ModelSpec) {
        self.spec = spec
        table = RowTable(indexCount: spec.indexCount)
        rounds = SettledRounds(spec.settle)
    }

    /// Rounds that a tolerant model took.
    package var roundCount: UInt64 { rounds.roundCount }

    /// Scores each example of `batch`, adds the score to `validation`, learns the example; in order.
    ///
    /// `margins` then holds each example's margin before it was learned.
    /// - Precondition: every index is below the model's 2^bits (the parser and the tensor reader see to it).
    package mutating func learn(_ batch: borrowing ExampleBatch) { learn(batch, 0..<batch.exampleCount) }

    /// As above, only the examples of `range`.
    ///
    /// - Precondition: the model is exact, or the range is the whole batch: where a batch ends is part of what a tolerant
    ///   model learns.
    package mutating func learn(_ batch: borrowing ExampleBatch, _ range: Range<Int>) {
        let count = batch.exampleCount
        precondition(range.upperBound <= count, "the examples are in the batch")
        precondition(spec.settle == .exact || range == 0..<count, "a tolerant model learns whole batches")
        guard !range.isEmpty else { return }
        if margins.count < count { margins = Array(repeating: 0, count: max(count, 2 * margins.count)) }
        switch spec.learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            learn(batch, range, FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2))
        case .adagrad(let rate):
            learn(batch, range, AdaGradRule(rate: rate))
        }
        validation.add(margins: margins, batch, range)
        exampleCount += UInt64(range.count)
        lastExample = range.upperBound - 1
    }

    private mutating func learn(_ batch: borrowing ExampleBatch, _ range: Range<Int>, _ rule: some LearningRule) {
        guard spec.settle == .exact else { return settle(batch, rule) }
        clampedCount += table.withColumns(batch, margins: &margins, weights: &weights) { columns in
            learnExamples(rule, columns, examples: range)
        }
    }

    /// Learns a batch in settled rounds, as several owners would.
    private mutating func settle(_ batch: borrowing ExampleBatch, _ rule: some LearningRule) {
        rounds.begin(exampleCount: batch.exampleCount)
        while !rounds.window.isEmpty {
            let window = rounds.window
            windowPass.run(rule, &table, batch, residuals: rounds.residuals, window: window, tried: rounds.tried)
            let told = windowPass.margins
            let accepted = rounds.received(
                margins: told.span.extracting(first: window.count), labels: batch.labels.span,
                importances: batch.importances.span)
            for k in 0..<accepted { margins[window.lowerBound + k] = told[k] }
            clampedCount += windowPass.settle(&table, accepted: accepted)
        }
    }

    /// The weights of indices `range`, as workers hold them.
    package func weights(_ range: Range<Int>, into weights: inout MutableSpan<Float>) {
        switch spec.learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            table.weights(range, FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2), into: &weights)
        case .adagrad(let rate):
            table.weights(range, AdaGradRule(rate: rate), into: &weights)
        }
    }

    /// As above; the array is long enough.
    package func weights(_ range: Range<Int>, into weights: inout [Float]) {
        var span = weights.mutableSpan
        self.weights(range, into: &span)
    }

    /// As below, for arrays; `weights` is long enough.
    package func weights(at indices: [UInt32], into weights: inout [Float]) {
        var span = weights.mutableSpan
        self.weights(at: indices.span, into: &span)
    }

    /// The weights of the rows `indices`, as workers hold them.
    package func weights(at indices: Span<UInt32>, into weights: inout MutableSpan<Float>) {
        switch spec.learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            table.weights(at: indices, FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2), into: &weights)
        case .adagrad(let rate):
            table.weights(at: indices, AdaGradRule(rate: rate), into: &weights)
        }
    }

    /// The digest of all weights. O(2^bits).
    package var digest: WeightDigest {
        var sum = WeightDigest()
        var weights = [Float](repeating: 0, count: min(spec.indexCount, Limits.Copy.chunkIndexCount))
        for start in stride(from: 0, to: spec.indexCount, by: weights.count) {
            let range = start..<min(start + weights.count, spec.indexCount)
            sum = sum + digest(of: range, scratch: &weights)
        }
        return sum
    }

    /// The digest of the weights of indices `range`. O(range).
    package func digest(of range: Range<Int>, scratch weights: inout [Float]) -> WeightDigest {
        if weights.count < range.count { weights = Array(repeating: 0, count: range.count) }
        self.weights(range, into: &weights)
        return Format.digest(weights: weights.span.extracting(first: range.count), firstIndex: UInt64(range.lowerBound))
    }
}
