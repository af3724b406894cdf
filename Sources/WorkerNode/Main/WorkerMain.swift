internal import ArgumentParser
internal import Configuration
internal import Files
internal import PredictionWorker
internal import SystemPackage
internal import Telemetry
internal import Transport

@main
struct WorkerMain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice-worker", abstract: "A worker node: follows server nodes and answers reads.")

    @Option(help: "A file of the keys below (docs/API.md); flags override it.") var config: String?
    @Option(help: "This node's name.") var name: String?
    @Option(help: "HOST:PORT for clients.") var listen: String?
    @Option(help: "HOST:PORT of a server node's listener for nodes; once for each.") var server: [String] = []
    @Option(help: "NAME=DIR: serve a saved model, and read it again when it changes; once for each.") var modelFolder:
        [String] = []
    @Option(help: "A folder of saved models, each in a folder of its name; read again when they change.")
    var models: String?
    @Option(help: "The cluster's token, a file of mode 0600.") var tokenFile: String?

    func run() async throws {
        startLog()
        do {
            let options = try options()
            try await WorkerNode(options).run { port in
                tellStandardOutput("listening http=\(Address(host: options.listen.host, port: port))")
            } stop: {
                await TerminationSignal.wait()
            }
        } catch {
            tellStandardError("sluice-worker: \(error)")
            throw ExitCode(1)
        }
    }

    private func options() throws -> WorkerOptions {
        var options = try config.map { try WorkerOptions(yaml: try readText(FilePath($0)), of: $0) } ?? WorkerOptions()
        if let name { options.name = name }
        if let listen { options.listen = try Address(listen, of: "--listen") }
        if !server.isEmpty { options.servers = try server.map { try Address($0, of: "--server") } }
        for pair in modelFolder {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard halves.count == 2 else {
                throw ConfigurationError("--model-folder is '\(pair)', but must be NAME=DIR")
            }
            options.modelFolders[String(halves[0])] = String(halves[1])
        }
        if let models { options.modelsFolder = models }
        if let tokenFile { options.tokenFile = tokenFile }
        return options
    }
}
