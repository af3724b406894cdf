internal import ArgumentParser
internal import Files
internal import ParameterServer
internal import Scoring
internal import SystemPackage

/// Snapshots are files of server nodes, so their program reads them: no node need run.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Make a saved model of snapshots, as workers and `sluice score` load it.",
        discussion: """
            Snapshots stand in STATE/snapshots/HISTORY/COMMIT-VERSION.snapshot, and as they are in a mirror. Give one of each owner
            of the model, all of the same commit.
            """)

    @Argument(help: "A snapshot of each owner.") var snapshots: [String]
    @Option(help: "The folder of the saved model.") var to: String

    func run() throws {
        do {
            let model = try readModel(fromSnapshots: snapshots.map { FilePath($0) })
            try model.save(to: FilePath(to))
            tellStandardOutput("\(to): version \(model.version) digest \(model.digest)")
        } catch {
            tellStandardError("sluice-server export: \(error)")
            throw ExitCode(1)
        }
    }
}
