package import Domain
package import Features
package import Format

/// All owners of a model and its clock in one process: what a server group computes, without its network.
package struct ShardGroup: ~Copyable {
    package private(set) var validation = Validation()
    package private(set) var exampleCount: UInt64 = 0
    private let owners: [Owner]
    private var rounds: SettledRounds
    private var margins: [Double] = []

    package init(_ spec: ModelSpec, ownerCount: Int) {
        owners = (0..<ownerCount).map { Owner(ModelRows(spec, Shard($0, of: ownerCount))) }
        rounds = SettledRounds(spec.settle)
    }

    package var roundCount: UInt64 { rounds.roundCount }

    /// Learns a batch in settled rounds.
    package mutating func learn(_ batch: borrowing ExampleBatch) {
        let count = batch.exampleCount
        guard count > 0 else { return }
        if margins.count < count { margins = Array(repeating: 0, count: count) }
        let slices = batch.slices(owners.count)
        rounds.begin(exampleCount: count)
        while !rounds.window.isEmpty {
            let (window, tried) = (rounds.window, rounds.tried)
            var sums = [Double](repeating: 0, count: window.count)
            for (owner, slice) in zip(owners, slices) {
                owner.rows.pass(slice, residuals: rounds.residuals, window: window, tried: tried)
                let partial = owner.rows.margins
                for k in 0..<window.count { sums[k] += partial[k] }
            }
            let accepted = rounds.received(
                margins: sums.span, labels: batch.labels.span, importances: batch.importances.span)
            guard let accepted else { preconditionFailure("the owners' own margins settle") }
            for k in 0..<accepted { margins[window.lowerBound + k] = sums[k] }
            for owner in owners { _ = owner.rows.settle(accepted: accepted) }
        }
        validation.add(margins: margins, batch, 0..<count)
        exampleCount += UInt64(count)
    }

    /// The digest of all weights. O(2^bits).
    package var digest: WeightDigest { owners.reduce(WeightDigest()) { $0 + $1.rows.digest } }

    private final class Owner {
        var rows: ModelRows
        init(_ rows: consuming ModelRows) { self.rows = rows }
    }
}
