internal import Configuration
internal import Domain
internal import Foundation
internal import ParameterServer
internal import PredictionWorker
internal import Testing
internal import Transport

@Suite("A worker inside a server's process follows it without a socket")
struct InsideTests {
    /// A server node and a worker inside, on free ports.
    private func withBoth(_ body: (_ server: Int, _ worker: Int) async throws -> Void) async throws {
        var options = ServerOptions()
        (options.listen.port, options.peerListen.port) = (0, 0)
        options.publishInterval = .milliseconds(10)
        let (found, routes) = AsyncStream.makeStream(of: LocalRoutes.self)
        let server = { @Sendable [options] (started: (Int) -> Void, stop: @Sendable () async -> Void) async throws in
            try await ServerNode(options).run { http, _ in
                started(http)
            } local: {
                routes.yield($0)
            } stop: {
                await stop()
            }
        }
        try await withNode(server) { (port: Int) in
            var iterator = found.makeAsyncIterator()
            let local = try #require(await iterator.next())
            var options = WorkerOptions()
            options.listen.port = 0
            let worker = {
                @Sendable [options] (started: (Int) -> Void, stop: @Sendable () async -> Void) async throws in
                try await WorkerNode(options, local: local).run {
                    started($0)
                } stop: {
                    await stop()
                }
            }
            try await withNode(worker) { try await body(port, $0) }
        }
    }

    @Test("what is learned is answered, version by version, with equal digests; a new model is found")
    func follows() async throws {
        try await withBoth { server, worker in
            try await withClient(server) { trainer in
                try await withClient(worker) { client in
                    for (number, name) in ["one", "two"].enumerated() {
                        let created = try await trainer.request(
                            .put, "/v1/models/\(name)", body: Bytes(string: "bits: 10"), timeout: .seconds(10))
                        #expect(created.status == 201)
                        for batch in 1...5 {
                            let lines = (0..<50).map { "\($0 % 3 == 0 ? 1 : -1) |u a\($0 % 7) b\(batch)\n" }.joined()
                            let posted = try await trainer.request(
                                .post, "/v1/models/\(name)/examples", body: Bytes(string: lines), timeout: .seconds(10))
                            #expect(posted.status == 200)
                        }
                        // The server's digest at its version, then the worker's at the same.
                        let told = try await trainer.request(
                            .post, "/v1/models/\(name)/digest", timeout: .seconds(10))
                        let digest = try #require(text(told, between: "\"digest\":\"", and: "\""))
                        let version = try #require(text(told, between: "\"version\":", and: ","))
                        #expect(version == "250", "model \(number)")
                        let deadline = ContinuousClock.now + .seconds(20)
                        var found: HTTPResponse?
                        while ContinuousClock.now < deadline, found?.status != 200 {
                            found = try await client.request(
                                .get, "/v1/models/\(name)/digest?version=\(version)", timeout: .seconds(10))
                        }
                        #expect(try text(#require(found), between: "\"digest\":\"", and: "\"") == digest)
                    }
                }
            }
        }
    }

    private func text(_ answer: HTTPResponse, between start: String, and end: String) -> String? {
        let whole = String(buffer: answer.body)
        guard let from = whole.firstRange(of: start)?.upperBound, let to = whole[from...].firstRange(of: end) else {
            return nil
        }
        return String(whole[from..<to.lowerBound])
    }
}
