internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Features
internal import Learning

struct LearnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn", abstract: "Learn a file of examples on this machine, without a cluster.")

    @Argument(help: "Vowpal Wabbit text; '-' for standard input.") var file = "-"
    @OptionGroup var model: ModelOptions
    @Flag(help: "End with one line of JSON.") var json = false
    @Flag(help: "No progress columns.") var quiet = false

    func run() async throws {
        let spec = try model.readSpec()
        var learner = Learner(spec)
        var progress = LearnProgress(isQuiet: quiet)
        let start = ContinuousClock.now
        progress.begin()
        try await ExampleSource(path: file, spec: spec, purpose: .training).forEach { batch, errors in
            progress.tell(errors, file: file)
            var at = 0
            while at < batch.exampleCount {
                let end = min(batch.exampleCount, at + progress.examplesUntilNext(after: learner.exampleCount))
                learner.learn(batch, at..<end)
                progress.learned(batch, learner)
                at = end
            }
        }
        let seconds = (ContinuousClock.now - start).seconds
        progress.finish(learner, seconds: seconds)
        if json { print(progress.json(learner, seconds: seconds)) }
    }
}
