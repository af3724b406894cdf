internal import Domain
internal import TestSupport
internal import Testing
internal import Transport

@Suite("A worker whose connection was cut reaches the server's digest again")
struct CutConnectionTests {
    private let yaml = "bits: 12\nlearner: {rule: adagrad, rate: 0.2}\n"

    /// A server, a worker behind a relay, and connections to both.
    private func withRelay(
        _ body: (_ relay: Relay, _ trainer: HTTPClient, _ worker: HTTPClient) async throws -> Void
    ) async throws {
        try await withServer { (ports) async throws in
            let relay = try await Relay.start(to: ports.peer)
            try await withClient(ports.http) { (trainer) async throws in
                #expect(try await trainer.send(.put, "/v1/models/m", yaml).status == 201)
                try await withWorker(following: relay.port) { (port) async throws in
                    try await withClient(port) { (worker) async throws in
                        #expect(try await worker.waitForModel())
                        try await body(relay, trainer, worker)
                    }
                }
            }
            await relay.stop()
        }
    }

    @Test("after a while without it, in which training went on and the worker answered from what it had")
    func forAWhile() async throws {
        try await withRelay { (relay, trainer, worker) async throws in
            var random = SeededGenerator(seed: 4)
            for _ in 0..<2 {
                _ = try await trainer.send(.post, "/v1/models/m/examples", goodLines(50, &random))
                let before = try await trainer.serverDigest()
                #expect(try await worker.reaches(before))
                relay.cut()
                for _ in 0..<5 {
                    _ = try await trainer.send(.post, "/v1/models/m/examples", goodLines(50, &random))
                }
                let line = "{\"name\":\"line\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"|a x1\"]}"
                #expect(try await worker.infer(line).parameters.version == before.version)
                relay.mend()
                try await expectEqual(trainer, worker)
            }
        }
    }

    @Test("wherever in the server's bytes it was cut", arguments: [0, 1, 9, 100, 121, 200, 500, 1000, 3000])
    func atBytes(byteCount: Int) async throws {
        try await withRelay { (relay, trainer, worker) async throws in
            var random = SeededGenerator(seed: UInt64(byteCount))
            relay.cut(afterByteCount: byteCount)
            for _ in 0..<3 {
                _ = try await trainer.send(.post, "/v1/models/m/examples", goodLines(60, &random))
            }
            try await expectEqual(trainer, worker)
        }
    }

    /// Asks for digests until the worker, which may have to come back first, tells the same.
    private func expectEqual(_ trainer: HTTPClient, _ worker: HTTPClient) async throws {
        let deadline = ContinuousClock.now + .seconds(15)
        while ContinuousClock.now < deadline {
            if try await worker.reaches(try await trainer.serverDigest()) { return }
        }
        Issue.record("the worker did not reach the server's digest")
    }
}
