internal import ArgumentParser
internal import Domain
internal import Fitting

struct FitMDL: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mdl", abstract: "Bins cut where labels change (Fayyad and Irani's MDLP).",
        discussion: "A feature in which no cut pays gets no bins and stays a number.")

    @OptionGroup var examples: FitExamples
    @OptionGroup var options: FitOptions

    func run() throws {
        try fitBins(examples, options) { mdlEdges($0) }
    }
}

struct FitQuantiles: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantiles", abstract: "Bins with about the same number of examples each.")

    @OptionGroup var examples: FitExamples
    @OptionGroup var options: FitOptions
    @Option(help: "Bins of each feature.") var bins = 32

    func validate() throws {
        guard (2...Limits.Transforms.edgeCountMax).contains(bins) else {
            throw ValidationError("--bins is \(bins), but must be from 2 to \(Limits.Transforms.edgeCountMax)")
        }
    }

    func run() throws {
        try fitBins(examples, options) { equalFrequencyEdges($0, binCount: bins) }
    }
}

private func fitBins(
    _ examples: FitExamples, _ options: FitOptions, _ edges: ([ValueSummary.Run]) -> [Float]
) throws {
    let spec = try options.readSpec()
    let names = try examples.names()
    var summaries = names.map { _ in ValueSummary() }
    try examples.forEach(names, spec) { isPositive, weight, numbers in
        for (k, number) in numbers.enumerated() { summaries[k].add(number, isPositive: isPositive, weight: weight) }
    }
    var fitted: [Bins] = []
    for (k, name) in names.enumerated() {
        let runs = summaries[k].finished()
        let cuts = edges(runs)
        report("\(name): \(runs.count) distinct numbers, \(cuts.isEmpty ? "no cut pays" : "\(cuts.count + 1) bins")")
        if !cuts.isEmpty { fitted.append(try Bins(name, edges: cuts)) }
    }
    try options.write(spec, bins: fitted)
}
