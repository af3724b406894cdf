internal import ArgumentParser
internal import Domain
internal import Features
internal import Scoring

/// Predictions a second in memory: what the network's are measured against.
struct KernelBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel", abstract: "Score batches in memory, one core.")

    @Option(name: [.short, .long], help: "Index space of 2^bits.") var bits = 22
    @Option(help: "Examples of one batch.") var batch = 100
    @Option(help: "Features of one example.") var features = 25
    @Option(help: "How long.") var seconds = 2.0
    @Flag(help: "Through the library that other packages use: probabilities of checked tensors.") var library = false
    @Flag(help: "One line of JSON.") var json = false

    func run() async throws {
        let table = WeightTable(indexCount: 1 << bits)
        var random = SplitMix64(state: 7)
        fill(table, &random)
        // Many batches, so that weights are not warm from the batch before.
        let batches = (0..<64).map { _ in
            var examples = ExampleBatch()
            for _ in 0..<batch {
                let indices = (0..<features).map { _ in
                    UInt32(truncatingIfNeeded: random.next()) & UInt32(1 << bits - 1)
                }
                examples.append(indices: indices, values: [])
            }
            return examples
        }
        var margins: [Double] = []
        var sum = 0.0
        var count = 0
        if library { return try runLibrary(table, batches) }
        let start = ContinuousClock.now
        while (ContinuousClock.now - start).seconds < seconds {
            for examples in batches {
                table.score(examples, into: &margins)
                sum += margins[0]
                count += batch
            }
        }
        let rate = Double(count) / (ContinuousClock.now - start).seconds
        print(json ? "{\"predictions_per_second\":\(Int(rate)),\"check\":\(sum)}" : "\(Int(rate)) predictions/s")
    }
}

extension KernelBench {
    private func runLibrary(_ table: WeightTable, _ batches: [ExampleBatch]) throws {
        var spec = ModelSpec()
        spec.bits = bits
        var scorer = Scorer(
            Model(
                ServableModel(
                    spec: spec, history: History(1), version: .zero, watermarkMilliseconds: 0, table: table)))
        let tensors = batches.map { examples in
            (
                offsets: Array(examples.offsets[...examples.exampleCount]),
                indices: Array(examples.indices[..<examples.featureCount])
            )
        }
        var (probabilities, sum, count): ([Float], Float, Int) = ([], 0, 0)
        let start = ContinuousClock.now
        while (ContinuousClock.now - start).seconds < seconds {
            for examples in tensors {
                try scorer.score(offsets: examples.offsets, indices: examples.indices, into: &probabilities)
                sum += probabilities[0]
                count += batch
            }
        }
        let rate = Double(count) / (ContinuousClock.now - start).seconds
        print(json ? "{\"predictions_per_second\":\(Int(rate)),\"check\":\(sum)}" : "\(Int(rate)) predictions/s")
    }
}

/// Every weight a small random number.
func fill(_ table: WeightTable, _ random: inout SplitMix64) {
    for start in stride(from: 0, to: table.indexCount, by: 1 << 16) {
        let range = start..<min(start + 1 << 16, table.indexCount)
        let indices = range.map { UInt32($0) }
        let values = range.map { _ in Float(random.unit() - 0.5) }
        table.set(indices.span, values.span)
    }
}
