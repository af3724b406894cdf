internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Files
internal import Fitting
internal import SystemPackage

/// Transforms made from examples, or from another program's trees, written into a spec.
struct FitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit", abstract: "Fit bins or trees to examples, and write them into a model's spec.",
        subcommands: [FitMDL.self, FitQuantiles.self, FitTree.self, FitImport.self])
}

/// Where fitted transforms come from and go to.
struct FitOptions: ParsableArguments {
    @Option(help: "The spec to add them to; without it they are the spec's only keys.") var spec: String?
    @Option(help: "The spec to write; '-' for standard output.") var to = "-"

    func readSpec() throws -> ModelSpec {
        guard let spec else { return ModelSpec() }
        return try ModelSpec(yaml: try readText(spec))
    }

    /// Writes the spec with these bins beside or instead of those of the same features, and these trees behind the others.
    func write(_ spec: ModelSpec, bins: [Bins] = [], forest: Forest? = nil) throws {
        var spec = spec
        let kept = spec.transforms.bins.filter { old in !bins.contains { $0.feature == old.feature } }
        let forests = spec.transforms.forests.filter { $0.namespace != forest?.namespace } + (forest.map { [$0] } ?? [])
        do throws(TransformError) { spec.transforms = try Transforms(bins: kept + bins, forests: forests) } catch {
            throw CommandFailure("\(error)")
        }
        let text = self.spec == nil ? spec.transforms.yaml : spec.yaml
        guard to != "-" else {
            print(text, terminator: "")
            return
        }
        try writeText(text, to: FilePath(to))
    }
}
