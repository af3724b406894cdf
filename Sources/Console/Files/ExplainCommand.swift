internal import ArgumentParser
internal import Domain
internal import Features
internal import Learning
internal import Scoring
internal import SystemPackage

/// Why this score: what each feature adds to an example's margin.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "What the features of examples add to their scores, by a saved model.",
        discussion: """
            For each line of text its probability, then its features with the largest contributions in log-odds (weight times value) to
            its margin, the largest first; names as Vowpal Wabbit's --audit has them. Features that share an index share its weight.
            """)

    @Argument(help: "The folder of a saved model.") var folder: String
    @Argument(help: "Vowpal Wabbit text; '-' for standard input.") var file = "-"
    @Option(help: "Features of each example.") var top = 10

    func validate() throws {
        guard top > 0 else { throw ValidationError("--top is \(top), but must be above 0") }
    }

    func run() throws {
        let model = try ModelFile.read(from: FilePath(folder))
        var names = FeatureNames(model.spec)
        let lines = try readText(file).split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (number, line) in lines.enumerated() {
            do throws(LineError.Reason) {
                let features = try names.features(of: String(line))
                if !features.isEmpty { explain(features, model) }
            } catch { report("\(file), line \(number + 1): \(error.rawValue)") }
        }
    }

    private func explain(_ features: [NamedFeature], _ model: ServableModel) {
        var batch = ExampleBatch()
        batch.append(indices: features.map(\.index), values: features.map(\.value))
        var (margins, probabilities): ([Double], [Float]) = ([], [0])
        model.table.score(batch, into: &margins)
        var span = probabilities.mutableSpan
        Learning.probabilities(margins.span.extracting(first: 1), into: &span)
        print("probability \(probabilities[0]) margin \(margins[0]), \(features.count) features")
        printTable(
            ["FEATURE", "VALUE", "WEIGHT", "ADDS"],
            model.table.largestContributions(features, count: top).map {
                ["\($0.feature.name)", "\($0.feature.value)", "\($0.weight)", "\($0.adds)"]
            })
    }
}
