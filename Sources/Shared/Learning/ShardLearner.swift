package import Domain
package import Features
package import Format

/// One owner's rows of a model: the indices whose low bits are its shard. Learns in passes, as the clock says.
///
/// The rows of all owners together are those of a `Learner` that learned the same examples in the same order.
package struct ShardLearner: ~Copyable {
    package let shard: Int
    package let shardCount: Int
    private let learner: ModelSpec.Learner
    private var table: RowTable
    private var windowPass = WindowPass()

    /// - Precondition: `shardCount` is a power of two, at most 2^bits.
    package init(_ spec: ModelSpec, shard: Int, of shardCount: Int) {
        precondition(shardCount > 0 && shardCount & (shardCount - 1) == 0, "shards are low bits of the index")
        precondition(shardCount <= spec.indexCount && (0..<shardCount).contains(shard), "the shard is in the model")
        self.shard = shard
        self.shardCount = shardCount
        learner = spec.learner
        table = RowTable(indexCount: spec.indexCount / shardCount)
    }

    /// Partial margins of the window passed last, in log-odds: multiples of 2^-32, whose sums have no order. Shape [window].
    package var margins: [Double] { windowPass.margins }

    /// Scores the examples of `window` in this owner's slice and tentatively learns `tried`, the first of them.
    ///
    /// - Parameters:
    ///   - slice: the owner's part of the batch (`ExampleBatch.slices`).
    ///   - residuals: told by the clock, importance included. Shape [E]; those of `tried` are read.
    /// - Precondition: `settle` was called for the window before, and every index of the slice is below
    ///   2^bits / shardCount, as `slices` makes them: a slice from elsewhere is checked where it comes in.
    package mutating func pass(
        _ slice: borrowing ExampleBatch, residuals: [Float], window: Range<Int>, tried: Range<Int>
    ) {
        switch learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            windowPass.run(
                FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2), &table, slice, residuals: residuals,
                window: window, tried: tried)
        case .adagrad(let rate):
            windowPass.run(
                AdaGradRule(rate: rate), &table, slice, residuals: residuals, window: window, tried: tried)
        }
    }

    /// Keeps what the window's first `accepted` examples changed, takes the rest back.
    ///
    /// - Returns: how many products of the accepted examples were clamped.
    package mutating func settle(accepted: Int) -> Int { windowPass.settle(&table, accepted: accepted) }

    /// The weights of this owner's rows `range`; row r is the model's index r × shardCount + shard.
    package func weights(_ range: Range<Int>, into weights: inout [Float]) {
        precondition(weights.count >= range.count, "room for every weight")
        var span = weights.mutableSpan
        switch learner {
        case .ftrl(let alpha, let beta, let l1, let l2):
            table.weights(range, FTRLRule(alpha: alpha, beta: beta, l1: l1, l2: l2), into: &span)
        case .adagrad(let rate):
            table.weights(range, AdaGradRule(rate: rate), into: &span)
        }
    }

    /// What this owner's weights add to the model's digest. O(rows).
    package var digest: WeightDigest {
        var sum = WeightDigest()
        var weights = [Float](repeating: 0, count: min(table.indexCount, Limits.Copy.chunkIndexCount))
        for start in stride(from: 0, to: table.indexCount, by: weights.count) {
            let range = start..<min(start + weights.count, table.indexCount)
            self.weights(range, into: &weights)
            for row in range {
                sum.add(index: UInt64(row * shardCount + shard), weight: weights[row - range.lowerBound])
            }
        }
        return sum
    }
}
