import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing
import Transport

@Suite("A listener starts only where it is safe and stops without losing requests")
struct ListenerTests {
    @Test("draining answers what is open, then closes, over both protocols")
    func drain() async throws {
        let waiting = NIOLockedValueBox<[RemoteExchange]>([])
        let (arrived, hasArrived) = AsyncStream.makeStream(of: Void.self)
        let route = Route.whole(.get, "/wait", bodyLimit: 0) { exchange, _ in
            waiting.withLockedValue { $0.append(exchange.remote) }
            hasArrived.yield()
        }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            async let answer = client.request(.get, "/wait", timeout: .seconds(20))
            async let old = talk(listener, "GET /wait HTTP/1.1\r\nhost: h\r\n\r\n")
            var count = 0
            for await _ in arrived {
                count += 1
                if count == 2 { break }
            }
            async let drained: Void = listener.drain(within: .seconds(20))
            for remote in waiting.withLockedValue({ $0 }) {
                remote.onLoop { $0.respond(status: 200, contentType: "text/plain", body: ByteBuffer(string: "done")) }
            }
            #expect(try await answer.text == "done")
            #expect(try await old.hasSuffix("done"))
            await drained
            await client.waitUntilClosed()
            #expect(listener.connectionCount == 0)
        }
    }

    @Test("a port in use is named")
    func portInUse() async throws {
        try await withServer([]) { listener -> Void in
            _ = await #expect(throws: TransportError.portInUse(host: "127.0.0.1", port: listener.port)) {
                try await HTTPListener.start(
                    host: "127.0.0.1", port: listener.port, group: MultiThreadedEventLoopGroup.singleton,
                    router: Router([]))
            }
        }
    }

    @Test("an address others can reach needs a token")
    func unauthenticatedBind() async throws {
        await #expect(throws: TransportError.unauthenticatedBind(host: "0.0.0.0")) {
            try await HTTPListener.start(
                host: "0.0.0.0", port: 0, group: MultiThreadedEventLoopGroup.singleton, router: Router([]),
                options: ListenerOptions(requiresToken: true))
        }
        let listener = try await HTTPListener.start(
            host: "0.0.0.0", port: 0, group: MultiThreadedEventLoopGroup.singleton,
            router: Router([], token: ClusterToken("t")), options: ListenerOptions(requiresToken: true))
        await listener.drain(within: .zero)
    }

    @Test("nobody listening is connectFailed")
    func connectFailed() async throws {
        let port = try await withServer([]) { $0.port }
        do {
            _ = try await HTTPClient.connect(
                host: "127.0.0.1", port: port, on: MultiThreadedEventLoopGroup.singleton)
            Issue.record("connected to nobody")
        } catch {
            guard case .connectFailed(_, port, _) = error else {
                Issue.record("unexpected \(error)")
                return
            }
        }
    }

    @Test("a silent connection is closed after the preface timeout, an idle one after its own")
    func timeouts() async throws {
        var options = ListenerOptions()
        options.timeouts.preface = .seconds(2)
        options.timeouts.header = .seconds(2)
        options.timeouts.idle = .seconds(2)
        options.timeouts.tick = .milliseconds(20)
        try await withServer([echo(.get, "/t")], options: options) { listener in
            #expect(try await talk(listener, "PRI").isEmpty)
            let answer = try await talk(listener, "GET /t HTTP/1.1\r\nhost: h\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 200"))
            let client = try await connect(listener)
            _ = try await client.request(.get, "/t", timeout: .seconds(20))
            await client.waitUntilClosed()
        }
    }

    @Test("waits double up to the largest, each drawn from its upper half")
    func backoff() {
        var backoff = Backoff(first: .milliseconds(100), largest: .seconds(1), random: SystemRandomNumberGenerator())
        for step in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next()
            #expect(wait >= .milliseconds(step) / 2 && wait <= .milliseconds(step))
        }
        backoff.reset()
        let first = backoff.next()
        #expect(first <= .milliseconds(100))
    }
}
