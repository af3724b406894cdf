internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Foundation
internal import Transport

/// The demo of a local cluster: a model, traffic at a steady rate, and what becomes of both, line by line.
struct Demo: Sendable {
    private let cluster: ClusterFile

    init(_ cluster: ClusterFile) { self.cluster = cluster }

    func run(for duration: Duration?) async throws -> UpCommand.Outcome {
        let server = try await NodeClient.connect("\(cluster.servers[0].listen)", commandLoops)
        let path = try modelPath(cluster.model)
        _ = try await server.json(.put, path, body: cluster.spec)
        printEndpoints()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let cluster = cluster
            group.addTask { try await sendTraffic(server, path) }
            defer { group.cancelAll() }
            let start = ContinuousClock.now
            var columns = DemoColumns()
            let workers = try await connect(cluster.workers)
            while duration.map({ ContinuousClock.now - start < $0 }) ?? true {
                try await Task.sleep(for: .seconds(1))
                let model = try await server.json(.get, path)
                columns.print(model, freshness: await freshness(workers))
            }
            guard columns.examples > 0 else { throw CommandFailure("the cluster learned nothing") }
            guard let age = await freshness(workers), age < 10_000 else {
                throw CommandFailure("a worker is behind: it is not serving what the server learned")
            }
            return .finished
        }
    }

    private func printEndpoints() {
        printTable(
            ["NODE", "ROLE", "LISTEN", "STATE"],
            cluster.servers.map { [$0.name, "server", "\($0.listen)", learning($0)] }
                + cluster.workers.map { [$0.name, "worker", "\($0.listen)", "serving"] })
        let body = #"{"inputs":[{"name":"line","shape":[1],"datatype":"BYTES","data":["|user 42 |ad 7"]}]}"#
        print("\ntry:  curl -s http://\(cluster.workers[0].listen)/v2/models/\(cluster.model)/infer -d '\(body)'\n")
        print("    examples  avg loss  since last  calibration  freshness")
    }

    /// What a server does: which shard of the demo's model it learns.
    private func learning(_ server: ServerOptions) -> String {
        let owners = cluster.topology.owners(of: cluster.model)
        guard let node = cluster.topology.place(of: server.name), let shard = owners.firstIndex(of: node) else {
            return "taking traffic for '\(cluster.model)'"
        }
        return owners.count == 1
            ? "learning '\(cluster.model)'" : "learning '\(cluster.model)', shard \(shard) of \(owners.count)"
    }

    private func connect(_ workers: [WorkerOptions]) async throws -> [NodeClient] {
        var clients: [NodeClient] = []
        for worker in workers { clients.append(try await NodeClient.connect("\(worker.listen)", commandLoops)) }
        return clients
    }

    /// The oldest age, in milliseconds, that a worker tells of the demo's model; nil while one has none.
    private func freshness(_ workers: [NodeClient]) async -> Double? {
        var oldest = 0.0
        for worker in workers {
            // A worker that does not answer has no age to tell.
            let status = try? await worker.json(.get, "/v1/status")
            let models = status?["models"] as? [[String: Any]] ?? []
            guard let age = models.first(where: { $0["model"] as? String == cluster.model })?["age_ms"] as? Double
            else {
                return nil
            }
            oldest = max(oldest, age)
        }
        return oldest
    }

    /// Posts generated clicks at the demo's rate in one streamed request.
    private func sendTraffic(_ server: NodeClient, _ path: String) async throws {
        let batchLines = 256
        let stream = try await server.http.open(
            .post, path + "/examples", headers: [("sluice-batch-lines", String(batchLines))])
        let reading = Task { for try await _ in stream.body {} }
        defer { reading.cancel() }
        var clicks = ClickStream(seed: 7, driftExampleCount: cluster.drift)
        let start = ContinuousClock.now
        var sent = 0
        while !Task.isCancelled {
            let due = Int((ContinuousClock.now - start).seconds * Double(cluster.examplesPerSecond))
            while sent + batchLines <= due {
                var text: [UInt8] = []
                for _ in 0..<batchLines { clicks.appendLine(to: &text) }
                try await stream.write(Bytes(bytes: text))
                sent += batchLines
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// The demo's live columns: VW's, then ours.
struct DemoColumns {
    private(set) var examples = 0.0
    private var loss = 0.0

    mutating func print(_ model: [String: Any], freshness: Double?) {
        let validation = model["validation"] as? [String: Any] ?? [:]
        let total = validation["total"] as? [String: Any] ?? [:]
        let weight = total["weight"] as? Double ?? 0
        let mean = total["log_loss"] as? Double ?? .nan
        let since = (mean * weight - loss) / (weight - examples)
        Swift.print(
            [
                pad(String(Int(weight)), 12), pad(fixed(mean, 6), 9), pad(fixed(since, 6), 11),
                pad(fixed(total["calibration"] as? Double ?? .nan, 4), 12),
                pad(freshness.map { fixed($0 / 1000, 3) + " s" } ?? "-", 10),
            ].joined(separator: " "))
        if weight > 0 { (examples, loss) = (weight, mean * weight) }
    }
}
