internal import ArgumentParser
internal import Configuration
internal import Foundation
internal import Transport

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Start a local cluster on generated traffic and show it learning and serving.")

    @Option(help: "The cluster file.") var config = "cluster/local.yaml"
    @Option(name: .customLong("for"), help: "End by itself after this time, such as 30s.") var time: String?
    @Option(help: "Where logs and state go.") var folder = ".build/up"

    func run() async throws {
        let cluster = try ClusterFile(yaml: try readText(config))
        let duration = try time.map { text in
            guard let duration = Duration(text: text) else {
                throw CommandFailure("--for is '\(text)', but must be a time such as 30s")
            }
            return duration
        }
        var nodes: [NodeProcess] = []
        defer { for node in nodes { node.terminate() } }
        try start(cluster, &nodes)

        let outcome = await withTaskGroup(of: Outcome.self) { group in
            group.addTask {
                do { return try await Demo(cluster).run(for: duration) } catch is CancellationError {
                    return .stopped
                } catch { return .failed("\(error)") }
            }
            group.addTask {
                await TerminationSignal.wait()
                return .stopped
            }
            let first = await group.next() ?? .stopped
            group.cancelAll()
            return first
        }
        for node in nodes { node.terminate() }
        var ended = true
        for node in nodes where !node.waitUntilEnded(seconds: 15) {
            report("\(node.name) did not end cleanly; its log is in \(folder)")
            ended = false
        }
        if case .failed(let reason) = outcome { throw CommandFailure(reason) }
        if !ended { throw ExitCode(1) }
        print("\nall nodes stopped")
    }

    enum Outcome: Sendable {
        case finished, stopped
        case failed(String)
    }

    private func start(_ cluster: ClusterFile, _ nodes: inout [NodeProcess]) throws {
        let home = URL(fileURLWithPath: folder)
        // A demo begins anew each time: an older model's state would only say that its rows are gone.
        try? FileManager.default.removeItem(at: home)
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        func start(_ program: String, _ name: String, _ arguments: [String]) throws {
            let log = home.appendingPathComponent("\(name).log")
            let node = try NodeProcess(program, name: name, arguments: ["--name", name] + arguments, log: log)
            nodes.append(node)
            _ = try node.waitUntilListening(log: log)
        }
        for server in cluster.servers {
            try start(
                "sluice-server", server.name,
                [
                    "--cluster", config, "--publish-every", "\(Int(server.publishInterval.seconds * 1000))ms",
                    "--state-folder", home.appendingPathComponent("state-\(server.name)").path,
                ])
        }
        for worker in cluster.workers {
            let servers = worker.servers.isEmpty ? cluster.servers.map(\.peerListen) : worker.servers
            try start(
                "sluice-worker", worker.name,
                ["--listen", "\(worker.listen)"] + servers.flatMap { ["--server", "\($0)"] })
        }
    }
}
