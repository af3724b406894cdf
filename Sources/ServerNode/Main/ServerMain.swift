internal import ArgumentParser
internal import Configuration
internal import Files
internal import ParameterServer
internal import SystemPackage
internal import Telemetry
internal import Transport

@main
struct ServerMain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice-server", abstract: "A server node: owns models and learns training traffic.",
        subcommands: [RunCommand.self, ExportCommand.self, RestoreCommand.self], defaultSubcommand: RunCommand.self)
}

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Run the node. The default.")

    @Option(help: "A file of the keys below (docs/API.md); flags override it.") var config: String?
    @Option(help: "This node's name.") var name: String?
    @Option(help: "HOST:PORT for trainers and operators.") var listen: String?
    @Option(help: "HOST:PORT for nodes.") var peerListen: String?
    @Option(help: "How often deltas are pushed, from 5ms on.") var publishEvery: String?
    @Option(help: "The cluster's token, a file of mode 0600.") var tokenFile: String?
    @Option(help: "Where models outlive the process: the node's journal.") var stateFolder: String?
    @Option(help: "How often a model's rows are written out whole, from 1s on; 300s by default.")
    var snapshotEvery: String?
    @Option(help: "Room for the log of what was learned, which un-learning needs; none by default.")
    var tapeMebibytes: String?
    @Option(help: "A folder on another disk that each snapshot is copied to.") var mirror: String?
    @Option(help: "every-commit (with a state folder) or none: when a batch is acknowledged.") var durability: String?
    @Option(help: "HOST:PORT for clients of a worker inside this process, which answers from the rows learned here.")
    var serve: String?
    @Option(
        help: "The cluster's servers and owners, the same file on every node; gives this node's addresses by --name.")
    var cluster: String?

    func run() async throws {
        startLog()
        do {
            try await runNodes(try options())
        } catch {
            tellStandardError("sluice-server: \(error)")
            throw ExitCode(1)
        }
    }

    private func options() throws -> ServerOptions {
        var options = try config.map { try ServerOptions(yaml: try readText(FilePath($0)), of: $0) } ?? ServerOptions()
        if let name { options.name = name }
        if let listen { options.listen = try Address(listen, of: "--listen") }
        if let peerListen { options.peerListen = try Address(peerListen, of: "--peer-listen") }
        if let publishEvery {
            var fields = try Fields(yaml: "publish_every: \(publishEvery)", of: "the command line")
            try options.read(&fields)
        }
        if let snapshotEvery {
            var fields = try Fields(yaml: "snapshot_every: \(snapshotEvery)", of: "the command line")
            try options.read(&fields)
        }
        if let tokenFile { options.tokenFile = tokenFile }
        if let stateFolder { options.stateFolder = stateFolder }
        if let mirror { options.mirror = mirror }
        if let serve { options.serve = try Address(serve, of: "--serve") }
        if let tapeMebibytes {
            var fields = try Fields(yaml: "tape_mebibytes: \(tapeMebibytes)", of: "the command line")
            try options.read(&fields)
        }
        if let durability { options.durability = try Durability(durability, of: "--durability") }
        if let cluster { options.clusterFile = cluster }
        if let path = options.clusterFile {
            guard listen == nil, peerListen == nil else {
                throw ConfigurationError(
                    "--listen and --peer-listen come from the cluster file \(path); leave them out")
            }
            try options.join(try ClusterTopology(yaml: try readText(FilePath(path)), of: path), of: path)
        }
        return options
    }
}
