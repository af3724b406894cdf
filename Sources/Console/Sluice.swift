internal import ArgumentParser

@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "Models that learn online: a parameter server cluster, and its files on this machine.",
        subcommands: [
            LearnCommand.self, ScoreCommand.self, DigestCommand.self, ExplainCommand.self, ExportCommand.self,
            GenerateCommand.self, FitCommand.self,
            TrainCommand.self, PredictCommand.self, StatusCommand.self, ModelCommand.self, SnapshotCommand.self,
            UnlearnCommand.self, UpCommand.self, BenchCommand.self, VWCommand.self, ImportCommand.self,
        ])
}
