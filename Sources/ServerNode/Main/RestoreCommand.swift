internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Files
internal import ParameterServer
internal import SystemPackage

/// What no node does by itself: goes on behind a loss.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Begin a model anew from a snapshot, where a disk was lost.",
        discussion: """
            What was learned behind the snapshot is lost, also what was acknowledged. The model goes on under a new history: workers
            take a copy, trainers are told which number comes next. Stop all nodes of the model's owners, run this on each of them with
            its own snapshot of one commit (from its state folder or from the mirror), the second and later ones with the history
            that the first prints; then start them.
            """)

    @Flag(help: "What was learned behind the snapshot may be lost.") var acceptLoss = false
    @Option(help: "This node's name.") var name = ServerOptions().name
    @Option(help: "The cluster file; none for a node alone.") var cluster: String?
    @Option(help: "The node's state folder.") var stateFolder: String
    @Option(help: "HISTORY:COMMIT as the first owner's restore printed it.") var history: String?
    @Argument(help: "The model.") var model: String
    @Argument(help: "This owner's snapshot.") var snapshot: String

    func run() async throws {
        guard acceptLoss else {
            throw ValidationError(
                "whatever was learned behind the snapshot will be lost; say --accept-loss if it may be")
        }
        guard let model = ModelName(model) else { throw ValidationError("'\(model)' is no model's name") }
        var random = SystemRandomNumberGenerator()
        let others = try history.map { text in
            let parts = text.split(separator: ":")
            guard parts.count == 2, let history = History(hex: parts[0]), let number = UInt64(parts[1]) else {
                throw ValidationError(
                    "--history is '\(text)', but must be HISTORY:COMMIT, as the first restore printed it")
            }
            return (history: history, number: number)
        }
        do {
            var options = ServerOptions()
            options.name = name
            let topology = try cluster.map { try ClusterTopology(yaml: try readText(FilePath($0)), of: $0) }
            let restored = try await restore(
                model, from: FilePath(snapshot), to: FilePath(stateFolder),
                as: others?.history ?? .random(using: &random),
                number: others?.number, on: name,
                of: topology ?? ClusterTopology(alone: options))
            tellStandardOutput(
                "\(model) in \(stateFolder): version \(restored.version) history \(restored.history):\(restored.number)"
            )
            for earlier in restored.earlier {
                tellStandardOutput(
                    "what is kept of history \(earlier) stays in \(stateFolder)/snapshots; remove it when nobody needs it"
                )
            }
        } catch {
            tellStandardError("sluice-server restore: \(error)")
            throw ExitCode(1)
        }
    }
}
