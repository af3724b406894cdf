package import Domain
package import Features
package import Format

/// A model with one owner: plain sequential learning, one example after the other, each scored before it is learned.
///
/// The margins are sums of products quantised to 2^-32, so they have no order: the same whether one owner holds all
/// rows or many hold some (docs/decisions/0003-quantised-margins.md).
package struct Learner: ~Copyable {
    package let spec: ModelSpec
    package private(set) var validation = Validation()
    /// Examples that the weights have learned.
    package private(set) var exampleCount: UInt64 = 0
    /// The place in its batch of the example learned last.
    package private(set) var lastExample = 0
    /// Products of weight and value beyond ±512 that a margin had to clamp. Not 0 means values want scaling.
    package private(set) var clampedCount = 0

    package private(set) var rows: ModelRows
    /// Of the last batch learned: the first E are its examples' margins, in log-odds.
    package private(set) var margins: [Double] = []
    /// What a tolerant model learns with. An exact one needs no windows here: it has all rows.
    private var rounds: SettledRounds

    package init(_ spec: ModelSpec) {
        self.spec = spec
        rows = ModelRows(spec)
        rounds = SettledRounds(spec.settle)
    }

    /// Goes on from a commit, whose rows were set by `rows.setState`.
    package mutating func restore(
        exampleCount: UInt64, validation: Validation, acceptedLately: Int, windowMax: Int,
        normalization: Normalization, clampedCount: Int
    ) {
        (self.exampleCount, self.validation, self.clampedCount) = (exampleCount, validation, clampedCount)
        rounds.restore(acceptedLately: acceptedLately, windowMax: windowMax)
        rows.restore(normalization)
    }

    /// All rows as if no example had touched them.
    package mutating func clear() { rows.clear() }

    /// Goes on with other rates, as `ModelRows.setRates`.
    package mutating func setRates(_ learner: ModelSpec.Learner) { rows.setRates(learner) }

    /// Sets what the learner keeps of `rows`. Shape of `values` [rows × floats].
    package mutating func setState(at rows: [UInt32], _ values: [Float]) { self.rows.setState(at: rows, values) }

    /// State of a tolerant model's rounds, for the commit.
    package var roundState: (acceptedLately: Int, windowMax: Int) { (rounds.acceptedLately, rounds.windowMax) }

    /// State of rule nag beside its rows, for the commit.
    package var normalization: Normalization { rows.normalization }

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
        switch spec.settle {
        case .exact: clampedCount += rows.learn(batch, range, margins: &margins)
        case .tolerant: settle(batch)
        }
        validation.add(margins: margins, batch, range)
        exampleCount += UInt64(range.count)
        lastExample = range.upperBound - 1
    }

    /// Learns a batch in settled rounds, as several owners would.
    private mutating func settle(_ batch: borrowing ExampleBatch) {
        rounds.begin(exampleCount: batch.exampleCount)
        while !rounds.window.isEmpty {
            let window = rounds.window
            rows.pass(batch, residuals: rounds.residuals, window: window, tried: rounds.tried)
            let told = rows.margins
            let accepted = rounds.received(
                margins: told.span.extracting(first: window.count), labels: batch.labels.span,
                importances: batch.importances.span)
            guard let accepted else { preconditionFailure("these rows' own margins settle") }
            for k in 0..<accepted { margins[window.lowerBound + k] = told[k] }
            clampedCount += rows.settle(accepted: accepted)
        }
    }

    /// The digest of all weights. O(2^bits).
    package var digest: WeightDigest { rows.digest }
}
