internal import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure parts of the road; Tests/Benchmarks puts them beside their peers.",
        subcommands: [
            KernelBench.self, DeltaBench.self, FreshnessBench.self, FeedBench.self, SettleBench.self, RoundBench.self,
            BinsBench.self, CandidatesBench.self, CollocatedBench.self,
            ParseBench.self,
        ])
}
