internal import ArgumentParser
internal import Domain
internal import Fitting

struct FitTree: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tree", abstract: "A decision tree on log loss, whose leaves become features.",
        discussion: "Reads the file twice. Of more than --examples-max examples a uniform sample is kept in memory.")

    @OptionGroup var examples: FitExamples
    @OptionGroup var options: FitOptions
    @Option(help: "Splits on the way to a leaf.") var depth = 6
    @Option(help: "Leaves.") var leaves = 32
    @Option(help: "The least weight of a leaf's examples.") var minimumWeight = 100.0
    @Option(help: "The most examples kept in memory, a byte for each feature.") var examplesMax = 1_000_000
    @Option(help: "The namespace of the leaves.") var namespace = "tree"

    func validate() throws {
        guard (1...Limits.Transforms.depthMax).contains(depth) else {
            throw ValidationError("--depth is \(depth), but must be from 1 to \(Limits.Transforms.depthMax)")
        }
        guard (2...Limits.Transforms.nodeCountMax / 2).contains(leaves) else {
            throw ValidationError("--leaves is \(leaves), but must be from 2 to \(Limits.Transforms.nodeCountMax / 2)")
        }
        guard minimumWeight > 0 else { throw ValidationError("--minimum-weight must be above 0") }
        guard examplesMax > 0 else { throw ValidationError("--examples-max must be above 0") }
    }

    func run() throws {
        guard examples.file != "-" else { throw ValidationError("a tree's examples are read twice: give a file") }
        let spec = try options.readSpec()
        let names = try examples.names()
        var summaries = names.map { _ in ValueSummary() }
        try examples.forEach(names, spec) { isPositive, weight, numbers in
            for (k, number) in numbers.enumerated() { summaries[k].add(number, isPositive: isPositive, weight: weight) }
        }
        var fit = TreeFit(names, summaries: names.indices.map { summaries[$0].finished() })
        // Vitter's algorithm R, with a fixed seed so that a run can be repeated.
        var random = SplitMix64(state: 1)
        var seen: UInt64 = 0
        try examples.forEach(names, spec) { isPositive, weight, numbers in
            seen += 1
            if fit.exampleCount < examplesMax {
                fit.add(isPositive: isPositive, weight: weight, numbers)
            } else if case let place = Int(random.next(upperBound: seen)), place < examplesMax {
                fit.add(isPositive: isPositive, weight: weight, numbers, at: place)
            }
        }
        var wanted = TreeFit.Options()
        (wanted.depth, wanted.leafCount, wanted.minimumWeight) = (depth, leaves, minimumWeight)
        let tree = fit.grow(wanted)
        let leafCount = tree.nodes.count / 2 + 1
        report("\(fit.exampleCount) of \(seen) examples, \(leafCount) leaves")
        guard leafCount > 1 else { throw CommandFailure("no split lowers the loss; nothing is written") }
        try options.write(spec, forest: Forest(namespace: namespace, inputs: names, trees: [tree]))
    }
}
