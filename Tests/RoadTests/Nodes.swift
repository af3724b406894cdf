internal import Configuration
internal import Domain
internal import Features
internal import Foundation
internal import ParameterServer
internal import PredictionWorker
internal import TestSupport
internal import Testing
internal import Transport

/// Where the tests' own connections run.
let testLoops = makeEventLoops(2)

/// Runs a node until `body` returns. `run` tells its ports once it answers and ends when told to stop.
func withNode<Ports: Sendable>(
    _ run: @escaping @Sendable (_ started: (Ports) -> Void, _ stop: @Sendable () async -> Void) async throws -> Void,
    _ body: (Ports) async throws -> Void
) async throws {
    let (startings, started) = AsyncStream.makeStream(of: Ports.self)
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { started.finish() }
            try await run({ started.yield($0) }, { for await _ in stops {} })
        }
        defer { stop.finish() }
        for await ports in startings {
            try await body(ports)
            break
        }
    }
}

struct ServerPorts: Sendable {
    var http: Int
    var peer: Int
}

/// A server node on free ports.
func withServer(_ body: (ServerPorts) async throws -> Void) async throws {
    var options = ServerOptions()
    options.listen.port = 0
    options.peerListen.port = 0
    options.publishInterval = .milliseconds(10)
    options.loopCount = 1
    try await withNode(
        { [options] started, stop in
            try await ServerNode(options).run {
                started(ServerPorts(http: $0, peer: $1))
            } stop: {
                await stop()
            }
        }, body)
}

/// A worker node that follows the server at a port.
func withWorker(following peer: Int, _ body: (Int) async throws -> Void) async throws {
    try await withWorker(following: [peer], body)
}

/// A worker node that follows several servers.
func withWorker(following peers: [Int], _ body: (Int) async throws -> Void) async throws {
    var options = WorkerOptions()
    options.listen.port = 0
    options.servers = peers.map { Address(host: "127.0.0.1", port: $0) }
    options.loopCount = 2
    try await withNode(
        { [options] started, stop in
            try await WorkerNode(options).run {
                started($0)
            } stop: {
                await stop()
            }
        }, body)
}

/// A connection for the length of `body`.
func withClient(_ port: Int, _ body: (HTTPClient) async throws -> Void) async throws {
    let client = try await HTTPClient.connect(host: "127.0.0.1", port: port, on: testLoops)
    do { try await body(client) } catch {
        await client.close()
        throw error
    }
    await client.close()
}

extension HTTPClient {
    func send(
        _ method: Transport.Method, _ path: String, headers: [(String, String)] = [], _ text: String? = nil
    ) async throws -> (status: Int, text: String) {
        let answer = try await request(
            method, path, headers: headers, body: text.map { Bytes(string: $0) }, timeout: .seconds(15))
        return (answer.status, String(buffer: answer.body))
    }

    /// The server's digest, published now.
    func serverDigest() async throws -> Digest {
        let answer = try await send(.post, "/v1/models/m/digest")
        return try JSONDecoder().decode(Digest.self, from: Data(answer.text.utf8))
    }

    /// Asks a worker until it tells the same digest at the same version, or thirty seconds have passed.
    func reaches(_ wanted: Digest) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            let answer = try await send(.get, "/v1/models/m/digest?version=\(wanted.version)")
            guard answer.status == 200 else { continue }
            let found = try JSONDecoder().decode(Digest.self, from: Data(answer.text.utf8))
            if found.version > wanted.version { return false }
            if found.version == wanted.version { return found == wanted }
        }
        return false
    }

    /// Waits until the worker answers for model m, at most thirty seconds.
    func waitForModel() async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if try await send(.get, "/v2/models/m/ready").status == 200 { return true }
            await Task.yield()
        }
        return false
    }

    /// Asks a worker for margins.
    func infer(_ inputs: String, parameters: String = "") async throws -> Inferred {
        let body =
            "{\"parameters\":{\(parameters)},\"inputs\":[\(inputs)],\"outputs\":[{\"name\":\"margin\"}]}"
        let answer = try await send(.post, "/v2/models/m/infer", body)
        guard answer.status == 200 else { throw Refusal(text: answer.text) }
        return try JSONDecoder().decode(Inferred.self, from: Data(answer.text.utf8))
    }
}

struct Refusal: Error { var text: String }

struct Digest: Decodable, Equatable {
    var digest: String
    var version: UInt64
    var history: String
}

struct Inferred: Decodable {
    struct Output: Decodable { var data: [Double] }
    struct Parameters: Decodable {
        var version: UInt64
        var history: String
    }
    var outputs: [Output]
    var parameters: Parameters

    var margins: [Double] { outputs.first?.data ?? [] }
}

/// Lines of Vowpal Wabbit text, all good.
func goodLines(_ count: Int, _ random: inout SeededGenerator) -> String {
    var text = ""
    for _ in 0..<count {
        text += Bool.random(using: &random) ? "1" : "-1"
        text += " |a x\(Int.random(in: 0..<500, using: &random)) y:\(Int.random(in: -9...9, using: &random))"
        text += " |b z\(Int.random(in: 0..<5000, using: &random)):0.25\n"
    }
    return text
}

/// A text as examples.
func examples(_ text: String, _ spec: ModelSpec, _ purpose: VWTextParser.Purpose = .training) -> ExampleBatch {
    var (window, batch, errors) = (ByteWindow(text.utf8), ExampleBatch(), LineErrors())
    var parser = VWTextParser(spec, purpose: purpose)
    _ = parser.parse(&window, endsText: true, firstLine: 1, into: &batch, errors: &errors)
    return batch
}

/// Posts as trainer anna until it is taken: a cluster that has just begun may not have told every node of the model.
///
/// - Returns: status and body.
func post(_ client: HTTPClient, _ text: String, sequence: Int) async throws -> String {
    let headers = [("sluice-trainer", "anna"), ("sluice-sequence", "\(sequence)")]
    let deadline = ContinuousClock.now + .seconds(30)
    while true {
        let answer = try await client.send(.post, "/v1/models/m/examples", headers: headers, text)
        if ![404, 503].contains(answer.status) || ContinuousClock.now > deadline {
            return "\(answer.status) \(answer.text)"
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
