internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Features
internal import Format
internal import Learning
internal import Scoring
internal import SystemPackage

struct LearnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn", abstract: "Learn a file of examples on this machine, without a cluster.")

    @Argument(help: "Examples; '-' for standard input.") var file = "-"
    @OptionGroup var model: ModelOptions
    @OptionGroup var format: FormatOption
    @OptionGroup var batches: BatchOptions
    @Option(help: "Save the model to this folder, for `score` and workers.") var save: String?
    @Flag(help: "End with one line of JSON.") var json = false
    @Flag(help: "No progress columns.") var quiet = false

    func run() async throws {
        let spec = try model.readSpec()
        var learner = Learner(spec)
        var progress = LearnProgress(isQuiet: quiet)
        let start = ContinuousClock.now
        progress.begin()
        let source = ExampleSource(
            path: file, spec: spec, purpose: .training, format: format.format,
            lineCount: spec.settle == .tolerant ? batches.batchLines : nil)
        try await source.forEach { batch, errors in
            progress.tell(errors, file: file)
            var at = 0
            while at < batch.exampleCount {
                // Columns fall on powers of two, but a tolerant model learns whole batches.
                let end =
                    spec.settle == .tolerant
                    ? batch.exampleCount
                    : min(batch.exampleCount, at + progress.examplesUntilNext(after: learner.exampleCount))
                learner.learn(batch, at..<end)
                progress.learned(batch, learner)
                at = end
            }
        }
        let seconds = (ContinuousClock.now - start).seconds
        progress.finish(learner, seconds: seconds)
        if let save { try write(learner, to: save) }
        if json { print(progress.json(learner, seconds: seconds, digest: learner.digest)) }
    }

    private func write(_ learner: borrowing Learner, to folder: String) throws {
        var random = SystemRandomNumberGenerator()
        let stream = CopyStream(
            spec: learner.spec, history: .random(using: &random), version: Version(learner.exampleCount),
            watermarkMilliseconds: millisecondsSince1970())
        try saveModel(stream, to: FilePath(folder)) { range, weights in learner.rows.weights(range, into: &weights) }
    }
}
