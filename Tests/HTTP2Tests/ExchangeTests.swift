import Domain
import HTTP2
import Testing

@Suite("A session carries requests and answers whatever the network does to them")
struct SessionExchangeTests {
    /// Answers every complete request with its own body.
    private static func echoServer() throws -> End {
        let server = try End(.server)
        server.react = { event, server in
            guard case .ended(let index) = event else { return }
            server.session.respond(
                index, status: 200, contentType: "text/plain", extra: [], body: TestBody(server.bodies[index] ?? []))
        }
        return server
    }

    @Test("a request and its answer arrive whole")
    func roundTrip() throws {
        let client = try End(.client)
        let server = try Self.echoServer()
        let index = try client.session.request(
            method: .post, path: "/a?b=c", authority: "h", extra: [("x-number", "42")],
            body: TestBody(Array("hello".utf8)))
        var seen: [String] = []
        let echo = server.react
        server.react = { event, server in
            if case .head(let index) = event {
                let headers = server.session.headers(of: index)
                seen = [
                    headers.withPath { $0.text }, headers.method.name.description,
                    "\(headers.integer("x-number") ?? 0)",
                ]
            }
            echo(event, server)
        }
        var status = 0
        client.react = { event, client in
            if case .head(let index) = event { status = client.session.headers(of: index).status }
        }
        try converse(client, server)
        #expect(seen == ["/a?b=c", "POST", "42"])
        #expect(status == 200)
        #expect(client.bodies[index] == Array("hello".utf8))
        #expect(client.events.contains(.closed(index, errorCode: 0)))
        #expect(server.openStreamCount == 0)
    }

    @Test("the input may be cut at any byte")
    func everySplit() throws {
        let client = try End(.client)
        _ = try client.session.request(
            method: .post, path: "/x", authority: "h", extra: [], body: TestBody(Array("some body".utf8)))
        let bytes = try client.output()
        for cut in 1..<bytes.count {
            let server = try Self.echoServer()
            try server.receive(Array(bytes[..<cut]))
            try server.receive(Array(bytes[cut...]))
            #expect(server.bodies[0] == Array("some body".utf8), "cut at \(cut)")
            #expect(server.events.filter { $0 == .ended(0) }.count == 1, "cut at \(cut)")
        }
        let server = try Self.echoServer()
        try server.receive(bytes, sliceByteCount: 1)
        #expect(server.bodies[0] == Array("some body".utf8))
    }

    @Test("a body that waits goes on when it is resumed")
    func deferredBody() throws {
        let client = try End(.client)
        let server = try End(.server)
        let body = TestBody(Array("later".utf8), isHeldBack: true)
        server.react = { event, server in
            guard case .ended(let index) = event else { return }
            server.session.respond(index, status: 200, contentType: nil, extra: [("x-a", "b")], body: body)
        }
        let index = try client.session.request(method: .get, path: "/", authority: "h", extra: [], body: nil)
        try converse(client, server)
        #expect(client.bodies[index] == nil)
        let asked = body.asked
        try converse(client, server)
        #expect(body.asked == asked)
        body.isHeldBack = false
        server.session.resume(0)
        try converse(client, server)
        #expect(client.bodies[index] == Array("later".utf8))
    }

    @Test("records are used again, so memory follows the open streams and not the requests")
    func recordsAreReused() throws {
        let client = try End(.client)
        let server = try Self.echoServer()
        for _ in 0..<500 {
            _ = try client.session.request(
                method: .post, path: "/x", authority: "h", extra: [], body: TestBody([1, 2, 3]))
            try converse(client, server)
        }
        #expect(server.recordCount == 1)
        #expect(client.recordCount == 1)
    }

    @Test("draining lets open streams finish and refuses new ones")
    func drain() throws {
        let client = try End(.client)
        let server = try End(.server)
        let index = try client.session.request(method: .get, path: "/", authority: "h", extra: [], body: nil)
        try converse(client, server)
        server.session.noticeShutdown()
        try converse(client, server)
        #expect(server.events.contains(.pingAcknowledged))
        #expect(client.events.contains(.goAwayReceived))
        server.session.refuseNewStreams()
        server.session.respond(0, status: 200, contentType: "text/plain", extra: [], body: TestBody([9]))
        try converse(client, server)
        #expect(client.bodies[index] == [9])
        #expect(server.isFinished)
    }

    @Test("unconsumed bytes hold the peer back, consumed ones let it go on")
    func flowControl() throws {
        let client = try End(.client)
        let server = try End(.server)
        let byteCount = 3 * Int(Limits.HTTP.streamWindowByteCount)
        _ = try client.session.request(
            method: .post, path: "/", authority: "h", extra: [], body: TestBody([UInt8](repeating: 1, count: byteCount))
        )
        try converse(client, server)
        #expect(server.bodies[0]?.count == Int(Limits.HTTP.streamWindowByteCount))
        server.session.consume(0, byteCount: Int(Limits.HTTP.streamWindowByteCount))
        try converse(client, server)
        #expect(server.bodies[0]?.count == 2 * Int(Limits.HTTP.streamWindowByteCount))
    }

    @Test("a stream that ends unconsumed gives its bytes back to the connection")
    func connectionWindowIsReturned() throws {
        let client = try End(.client)
        let server = try End(.server)
        let window = Int(Limits.HTTP.streamWindowByteCount)
        // More than the connection's window, and no more resets than the library takes at once: it counts by its own clock.
        let streams = 3 * Int(Limits.HTTP.connectionWindowByteCount) / 2 / window
        #expect(streams < Int(Limits.HTTP.resetBurst))
        var received = 0
        for _ in 0..<streams {
            let index = try client.session.request(
                method: .post, path: "/", authority: "h", extra: [],
                body: TestBody([UInt8](repeating: 1, count: window)))
            try converse(client, server)
            received += server.bodies.values.reduce(0) { $0 + $1.count }
            server.bodies = [:]
            client.session.reset(index, code: 8)
            try converse(client, server)
            server.nowNanoseconds += 1_000_000_000
        }
        #expect(received == streams * window)
    }
}
