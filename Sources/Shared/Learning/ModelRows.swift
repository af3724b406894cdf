package import Domain
package import Features
package import Format

/// One owner's rows of a model and the rule that changes them.
///
/// With one owner examples are learned one after the other (`learn`). With several, each passes windows of its slice as
/// the clock says (`pass`, `settle`); the rows of all owners together are then those of one that learned the same examples
/// in the same order.
package struct ModelRows: ~Copyable {
    package let shard: Shard
    /// Its rates may change between two batches; its rule is what the rows mean.
    package private(set) var learner: ModelSpec.Learner
    private var table: RowTable
    /// What rule nag keeps beside its rows.
    package private(set) var normalization = Normalization()
    private var windowPass = WindowPass()
    private var weights = [Float](repeating: 0, count: Limits.Features.perExampleMax + ExampleBatch.slack)

    /// - Precondition: the model has an index for each shard, and a rule that spreads over so many.
    package init(_ spec: ModelSpec, _ shard: Shard = .whole) {
        precondition(shard.count <= spec.indexCount, "the shard is in the model")
        precondition(shard.count == 1 || spec.learner.spreads, "the rule has one owner")
        self.shard = shard
        learner = spec.learner
        table = RowTable(indexCount: spec.indexCount / shard.count, width: learner.rowFloatCount)
    }

    /// Why the system does not map these rows now, or nil when it does.
    package static func objection(to spec: ModelSpec, _ shard: Shard) -> String? {
        guard shard.count == 1 || spec.learner.spreads else { return "the model's rule has one owner" }
        let (rowCount, width) = (spec.indexCount / shard.count, spec.learner.rowFloatCount)
        guard !RowTable.fits(indexCount: rowCount, width: width) else { return nil }
        return
            "this node maps no \((rowCount * 4 * width) >> 20) MiB for \(rowCount) rows; give the model more owners or fewer bits"
    }

    /// All rows as if no example had touched them.
    package mutating func clear() {
        table.clear()
        normalization = Normalization()
    }

    /// Goes on from a commit's.
    package mutating func restore(_ normalization: Normalization) { self.normalization = normalization }

    /// Goes on with other rates. Weights may change that no example touched.
    ///
    /// - Precondition: `learner` is of the same rule, and no window is tentative.
    package mutating func setRates(_ learner: ModelSpec.Learner) {
        precondition(learner.hasSameRule(as: self.learner), "the rule is what the rows mean")
        self.learner = learner
    }

    /// Rows of the shard.
    package var count: Int { table.indexCount }

    /// Scores each example of `range`, then learns it; in order.
    ///
    /// - Parameter margins: receives each example's margin before it was learned. Shape [E].
    /// - Precondition: every index is below `count`.
    /// - Returns: how many products were clamped.
    mutating func learn(_ batch: borrowing ExampleBatch, _ range: Range<Int>, margins: inout [Double]) -> Int {
        switch learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            learn(batch, range, FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2), &margins)
        case .adagrad(let rate):
            learn(batch, range, AdaGradRule(rate: rate), &margins)
        case .nag(let rate):
            learnNormalized(batch, range, rate: rate, &margins)
        }
    }

    private mutating func learnNormalized(
        _ batch: borrowing ExampleBatch, _ range: Range<Int>, rate: Float, _ margins: inout [Double]
    ) -> Int {
        var sums = normalization
        let clampedCount = table.withColumns(batch, margins: &margins, weights: &weights) { columns in
            Learning.learnNormalized(columns, examples: range, rate: rate, &sums)
        }
        normalization = sums
        return clampedCount
    }

    private mutating func learn(
        _ batch: borrowing ExampleBatch, _ range: Range<Int>, _ rule: some LearningRule, _ margins: inout [Double]
    ) -> Int {
        table.withColumns(batch, margins: &margins, weights: &weights) { columns in
            learnExamples(rule, columns, examples: range)
        }
    }

    // MARK: rounds

    /// Partial margins of the window passed last, in log-odds: multiples of 2^-32, whose sums have no order. Shape [window].
    package var margins: [Double] { windowPass.margins }

    /// Scores the examples of `window` in this owner's slice and tentatively learns `tried`, the first of them.
    ///
    /// - Parameters:
    ///   - slice: the owner's part of the batch (`ExampleBatch.slices`).
    ///   - residuals: told by the clock, importance included, from example `residualStart` on; those of `tried` are read.
    /// - Precondition: `settle` was called for the window before, and every index of the slice is below `count`, as
    ///   `slices` makes them: a slice from elsewhere is checked where it comes in.
    package mutating func pass(
        _ slice: borrowing ExampleBatch, residuals: [Float], from residualStart: Int = 0, window: Range<Int>,
        tried: Range<Int>
    ) {
        switch learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            windowPass.run(
                FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2), &table, slice, residuals: residuals,
                from: residualStart, window: window, tried: tried)
        case .adagrad(let rate):
            windowPass.run(
                AdaGradRule(rate: rate), &table, slice, residuals: residuals, from: residualStart, window: window,
                tried: tried)
        case .nag: preconditionFailure("the rule has one owner, who learns without windows")
        }
    }

    /// Keeps what the window's first `accepted` examples changed, takes the rest back.
    ///
    /// - Returns: how many products of the accepted examples were clamped.
    package mutating func settle(accepted: Int) -> Int { windowPass.settle(&table, accepted: accepted) }

    // MARK: what the rows hold

    /// The weights of rows `range`, as workers hold them. `weights` is long enough.
    package func weights(_ range: Range<Int>, into weights: inout MutableSpan<Float>) {
        switch learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            table.weights(range, FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2), into: &weights)
        case .adagrad(let rate):
            table.weights(range, AdaGradRule(rate: rate), into: &weights)
        case .nag: table.firstFloats(range, into: &weights)
        }
    }

    /// As above, for an array.
    package func weights(_ range: Range<Int>, into weights: inout [Float]) {
        var span = weights.mutableSpan
        self.weights(range, into: &span)
    }

    /// The weights of `rows`, as workers hold them. `weights` is long enough.
    package func weights(at rows: [UInt32], into weights: inout [Float]) {
        var span = weights.mutableSpan
        switch learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            table.weights(at: rows.span, FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2), into: &span)
        case .adagrad(let rate):
            table.weights(at: rows.span, AdaGradRule(rate: rate), into: &span)
        case .nag: table.firstFloats(at: rows.span, into: &span)
        }
    }

    /// What the learner keeps of `rows`, weights and optimiser state. Shape [rows × floats]; `values` is long enough.
    package func state(at rows: [UInt32], into values: inout [Float]) {
        var span = values.mutableSpan
        table.state(at: rows.span, into: &span)
    }

    /// As above, of the rows `range`.
    package func state(_ range: Range<Int>, into values: inout [Float]) {
        var span = values.mutableSpan
        table.state(range, into: &span)
    }

    /// Sets what `state` reads.
    ///
    /// - Precondition: every row is below `count`, and no window is tentative.
    package mutating func setState(at rows: [UInt32], _ values: [Float]) {
        table.setState(at: rows.span, values.span)
    }

    /// What these rows add to the digest of the model's weights. O(rows).
    package var digest: WeightDigest {
        var sum = WeightDigest()
        var weights = [Float](repeating: 0, count: min(count, Limits.Copy.chunkIndexCount))
        for start in stride(from: 0, to: count, by: weights.count) {
            sum = sum + digest(ofRows: start..<min(start + weights.count, count), scratch: &weights)
        }
        return sum
    }

    /// What the rows with indices in `range` add to the digest of that range. O(range).
    package func digest(of range: Range<Int>, scratch weights: inout [Float]) -> WeightDigest {
        digest(ofRows: shard.rows(of: range), scratch: &weights)
    }

    private func digest(ofRows rows: Range<Int>, scratch weights: inout [Float]) -> WeightDigest {
        if weights.count < rows.count { weights = Array(repeating: 0, count: rows.count) }
        self.weights(rows, into: &weights)
        return Format.digest(weights: weights.span.extracting(first: rows.count), firstRow: rows.lowerBound, of: shard)
    }
}
