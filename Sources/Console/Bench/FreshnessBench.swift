internal import ArgumentParser
internal import Domain
internal import Foundation
internal import Transport

/// From a batch's acknowledgement to the first answer with at least its version, at every worker.
struct FreshnessBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freshness", abstract: "Train at a steady rate; measure acknowledged to visible at each worker.")

    @Option(help: "HOST:PORT of a server node.") var server = "127.0.0.1:9000"
    @Option(help: "HOST:PORT of a worker; once for each.") var worker = ["127.0.0.1:8000", "127.0.0.1:8001"]
    @Option(help: "The model; it must exist and be served.") var model: String
    @Option(help: "Examples a second.") var rate = 100_000
    @Option(help: "Lines of one batch.") var batchLines = 256
    @Option(help: "How long, after two seconds of warming up.") var seconds = 10.0
    @Flag(help: "One line of JSON.") var json = false

    func run() async throws {
        let path = try modelPath(model)
        let loops = makeEventLoops(1)
        let node = try await NodeClient.connect(server, loops)
        var workers: [NodeClient] = []
        for address in worker { workers.append(try await NodeClient.connect(address, loops)) }
        let delays = Locked<[Double]>([])
        let warm = ContinuousClock.now + .seconds(2)
        let end = warm + .seconds(seconds)
        let history = try await node.json(.get, path)["history"] as? String ?? ""

        let stream = try await node.http.open(
            .post, path + "/examples", headers: [("sluice-batch-lines", String(batchLines))])
        try await withThrowingTaskGroup(of: Void.self) { group in
            let (rate, batchLines, model) = (rate, batchLines, model)
            group.addTask { try await Self.send(stream, rate: rate, batchLines: batchLines, until: end) }
            var lines = AckLines()
            for try await chunk in stream.body {
                let now = ContinuousClock.now
                for ack in try lines.append(chunk) where now > warm {
                    for worker in workers {
                        group.addTask {
                            try await Self.ask(worker, model, history, ack.version)
                            let delay = (ContinuousClock.now - now).seconds * 1000
                            delays.withLockedValue { $0.append(delay) }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let sorted = delays.withLockedValue { $0.sorted() }
        guard !sorted.isEmpty else { throw CommandFailure("nothing was acknowledged") }
        func percentile(_ share: Double) -> Double { sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] }
        print(
            json
                ? "{\"p50_ms\":\(percentile(0.5)),\"p99_ms\":\(percentile(0.99)),\"max_ms\":\(sorted.last ?? 0),\"count\":\(sorted.count)}"
                : "p50 \(fixed(percentile(0.5), 2)) ms, p99 \(fixed(percentile(0.99), 2)) ms of \(sorted.count)")
    }

    private static func send(_ stream: ClientStream, rate: Int, batchLines: Int, until end: ContinuousClock.Instant)
        async throws
    {
        var clicks = ClickStream(seed: 7, driftExampleCount: 1_000_000)
        // Generated ahead, so that the generator does not compete with what is measured.
        let batches = (0..<400).map { _ in
            var text: [UInt8] = []
            for _ in 0..<batchLines { clicks.appendLine(to: &text) }
            return Bytes(bytes: text)
        }
        let start = ContinuousClock.now
        var sent = 0
        while ContinuousClock.now < end {
            let due = Int((ContinuousClock.now - start).seconds * Double(rate)) / batchLines
            while sent < due {
                try await stream.write(batches[sent % batches.count])
                sent += 1
            }
            try await Task.sleep(for: .milliseconds(1))
        }
        try await stream.finish()
    }

    private static func ask(_ worker: NodeClient, _ model: String, _ history: String, _ version: UInt64) async throws {
        _ = try await worker.json(
            .post, "/v2/models/\(model)/infer",
            body: "{\"parameters\":{\"min_version\":\(version),\"history\":\"\(history)\",\"timeout\":10000000},"
                + "\"inputs\":[{\"name\":\"line\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"|user 1\"]}]}")
    }
}
