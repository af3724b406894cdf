internal import ArgumentParser
internal import Domain
internal import Learning
internal import Scoring
internal import SystemPackage

struct ScoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Score examples with a saved model: one probability a line.")

    @Argument(help: "The folder `learn --save` wrote.") var model: String
    @Argument(help: "Examples; '-' for standard input.") var file = "-"
    @OptionGroup var format: FormatOption
    @Flag(help: "Margins, in log-odds, in place of probabilities.") var margins = false

    func run() async throws {
        let model = try ModelFile.read(from: FilePath(model))
        var margins: [Double] = []
        var probabilities: [Float] = []
        var refused = 0
        try await ExampleSource(path: file, spec: model.spec, purpose: .scoring, format: format.format).forEach {
            batch, errors in
            for error in errors.told { report("\(file): \(error)") }
            refused += errors.count
            model.table.score(batch, into: &margins)
            let count = batch.exampleCount
            if probabilities.count < count { probabilities = Array(repeating: 0, count: count) }
            var span = probabilities.mutableSpan
            Learning.probabilities(margins.span.extracting(first: count), into: &span)
            var lines = ""
            for e in 0..<count { lines += self.margins ? "\(margins[e])\n" : "\(probabilities[e])\n" }
            try FileDescriptor.standardOutput.writeAll(lines.utf8)
        }
        guard refused == 0 else {
            report("refused lines = \(refused); they have no probability above")
            throw ExitCode(1)
        }
    }
}
