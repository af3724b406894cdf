import Domain
import Features
import Format
import Learning
import TestSupport
import Testing

@Suite("Settled rounds over any number of owners are one machine's learning")
struct SettledRoundsTests {
    static let rules: [ModelSpec.Learner] = [
        .ftrl(alpha: 0.4, beta: 1, l1: 0, l2: 0), .ftrl(alpha: 1, beta: 0.1, l1: 0.02, l2: 0.3), .adagrad(rate: 0.25),
    ]

    /// A model of few rows, so that examples of a window touch each other's, and one row is often in an example twice.
    static func spec(_ rule: ModelSpec.Learner, _ settle: ModelSpec.Settle) -> ModelSpec {
        var spec = ModelSpec()
        spec.bits = 7
        spec.learner = rule
        spec.settle = settle
        return spec
    }

    static func batches(seed: UInt64) -> [ExampleBatch] {
        var generator = SeededGenerator(seed: seed)
        return (0..<12).map { _ in
            randomBatch(
                &generator, examples: Int.random(in: 1...150, using: &generator), indices: 128, features: 0...19)
        }
    }

    @Test(
        "exact: weights, loss and predictions are those of plain sequential learning, bit for bit",
        arguments: rules, [1, 2, 4, 8])
    func exact(rule: ModelSpec.Learner, ownerCount: Int) {
        let spec = Self.spec(rule, .exact)
        for seed in 1...4 as ClosedRange<UInt64> {
            var learner = Learner(spec)
            var group = ShardGroup(spec, ownerCount: ownerCount)
            for batch in Self.batches(seed: seed) {
                learner.learn(batch)
                group.learn(batch)
                #expect(group.digest == learner.digest, "seed \(seed)")
            }
            #expect(group.validation.total == learner.validation.total, "seed \(seed)")
            #expect(group.exampleCount == learner.exampleCount)
        }
    }

    @Test("tolerant: the number of owners changes nothing", arguments: rules, [1, 2, 4, 8])
    func tolerant(rule: ModelSpec.Learner, ownerCount: Int) {
        let spec = Self.spec(rule, .tolerant)
        for seed in 1...4 as ClosedRange<UInt64> {
            var learner = Learner(spec)
            var group = ShardGroup(spec, ownerCount: ownerCount)
            for batch in Self.batches(seed: seed) {
                learner.learn(batch)
                group.learn(batch)
                #expect(group.digest == learner.digest, "seed \(seed)")
            }
            #expect(group.validation.total == learner.validation.total, "seed \(seed)")
            #expect(group.roundCount == learner.roundCount)
        }
    }

    @Test("tolerant learning is not sequential learning, and its loss is close")
    func tolerantIsNotExact() {
        var exact = Learner(Self.spec(Self.rules[0], .exact))
        var tolerant = Learner(Self.spec(Self.rules[0], .tolerant))
        for batch in Self.batches(seed: 9) {
            exact.learn(batch)
            tolerant.learn(batch)
        }
        #expect(exact.digest != tolerant.digest)
        let (plain, settled) = (exact.validation.total.logLoss, tolerant.validation.total.logLoss)
        #expect(abs(settled - plain) < 0.05 * plain)
    }

    @Test(
        "whatever the margins are, a round learns an example if the one before scored it",
        arguments: 1...20 as ClosedRange<UInt64>)
    func neverStalls(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var rounds = SettledRounds(seed % 2 == 0 ? .exact : .tolerant)
        for _ in 0..<5 {
            let count = Int.random(in: 1...300, using: &generator)
            let labels = (0..<count).map { _ in Float(Bool.random(using: &generator) ? 1 : 0) }
            let importances = [Float](repeating: 1, count: count)
            rounds.begin(exampleCount: count)
            var last: [Int: Double] = [:]
            while !rounds.window.isEmpty {
                // As owners answer: behind the examples learned nothing was tried before the next one, so it has the
                // margin of the round before; the others move, here at random.
                let (window, position) = (rounds.window, rounds.position)
                let margins = window.map {
                    $0 == position ? last[$0] ?? 0 : Double.random(in: -4...4, using: &generator)
                }
                let isDue = !rounds.tried.isEmpty && last[position] != nil
                let accepted =
                    rounds.received(margins: margins.span, labels: labels.span, importances: importances.span) ?? -1
                #expect(accepted >= (isDue ? 1 : 0), "seed \(seed)")
                last = [:]
                for (k, q) in window.enumerated() { last[q] = margins[k] }
            }
            #expect(rounds.position == count)
        }
    }

    @Test("slices have every feature once, in order, at its row", arguments: [1, 2, 4, 8, 16])
    func slices(shardCount: Int) {
        var generator = SeededGenerator(seed: 3)
        let batch = randomBatch(&generator, examples: 40, indices: 1 << 20, features: 0...30)
        let slices = batch.slices(shardCount)
        #expect(slices.count == shardCount && slices.allSatisfy { $0.exampleCount == 40 })
        for e in 0..<40 {
            for shard in 0..<shardCount {
                let own = batch.features(of: e).filter { Int($0.index) % shardCount == shard }
                let slice = slices[shard].features(of: e)
                #expect(slice.map { Int($0.index) * shardCount + shard } == own.map { Int($0.index) })
                #expect(slice.map(\.value) == own.map(\.value))
            }
        }
    }
}
