internal import ArgumentParser
internal import Domain
internal import Features
internal import Learning

/// A file learned in settled rounds by several owners in one process: what rounds accept, and that the bits are right.
struct SettleBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settle",
        abstract: "Learn a file in settled rounds over several owners in memory, and sequentially.")

    @Argument(help: "Vowpal Wabbit text.") var file: String
    @OptionGroup var model: ModelOptions
    @Option(help: "Owners: 1, 2, 4, 8 ...") var owners = 2
    @OptionGroup var batches: BatchOptions
    @Flag(help: "One line of JSON.") var json = false

    func validate() throws {
        guard (1...64).contains(owners), owners & (owners - 1) == 0 else {
            throw ValidationError("--owners wants a power of two, at most 64")
        }
    }

    func run() async throws {
        let spec = try model.readSpec()
        guard owners <= spec.indexCount else {
            throw CommandFailure("--owners \(owners): a model of \(spec.bits) bits has \(spec.indexCount) rows only")
        }
        var plainSpec = spec
        plainSpec.settle = .exact
        var group = ShardGroup(spec, ownerCount: owners)
        var sequential = Learner(plainSpec)
        var (groupSeconds, batchCount, refusedCount) = (0.0, 0, 0)
        let source = ExampleSource(path: file, spec: spec, purpose: .training, lineCount: batches.batchLines)
        try await source.forEach { batch, errors in
            refusedCount += errors.count
            guard batch.exampleCount > 0 else { return }
            sequential.learn(batch)
            let start = ContinuousClock.now
            group.learn(batch)
            groupSeconds += (ContinuousClock.now - start).seconds
            batchCount += 1
        }
        let (loss, plain) = (group.validation.total.logLoss, sequential.validation.total.logLoss)
        let cost = 100 * (loss - plain) / plain
        let accepted = Double(group.exampleCount) / Double(max(1, group.roundCount))
        let (digest, isEqual) = (group.digest, group.digest == sequential.digest)
        if json {
            print(
                "{\"examples\":\(group.exampleCount),\"batches\":\(batchCount),\"owners\":\(owners),"
                    + "\"settle\":\"\(spec.settle.rawValue)\",\"rounds\":\(group.roundCount),"
                    + "\"accepted_per_round\":\(fixed(accepted, 1)),\"log_loss\":\(jsonNumber(loss)),"
                    + "\"cost_percent\":\(jsonNumber(cost)),\"refused\":\(refusedCount),\"digest\":\"\(digest)\","
                    + "\"equals_sequential\":\(isEqual),\"seconds\":\(fixed(groupSeconds, 3))}")
        } else {
            print(
                "examples \(group.exampleCount) (\(refusedCount) lines refused), "
                    + "\(Int(Double(group.exampleCount) / max(groupSeconds, 1e-9)))/s, "
                    + "rounds \(group.roundCount), accepted a round \(fixed(accepted, 1))"
            )
            print("log loss \(fixed(loss, 6)), sequential \(fixed(plain, 6)), cost \(fixed(cost, 4)) %")
            print("digest \(digest), \(isEqual ? "equal to" : "not") sequential learning's")
        }
    }
}
