import NIOCore
import NIOPosix
import Testing
import Transport

@Suite("A request reaches its route, or gets the refusal it deserves")
struct RequestTests {
    @Test("a body comes back whole, small or large", arguments: [0, 1, 5000, 3_000_000])
    func echoes(byteCount: Int) async throws {
        try await withServer([echo(.post, "/t", bodyLimit: 4 << 20)]) { listener in
            let client = try await connect(listener)
            let body = ByteBuffer(bytes: (0..<byteCount).map { UInt8(truncatingIfNeeded: $0) })
            let answer = try await client.request(.post, "/t", body: body, timeout: .seconds(20))
            #expect(answer.status == 200)
            #expect(answer.body == body)
            #expect(answer.header("content-type") == "application/octet-stream")
            await client.close()
            #expect(client.isClosed)
        }
    }

    @Test("many requests on one connection do not mix")
    func concurrent() async throws {
        try await withServer([echo(.post, "/t")]) { listener in
            let client = try await connect(listener)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let body = ByteBuffer(string: "request \(number)")
                        return try await client.request(.post, "/t", body: body, timeout: .seconds(20)).body == body
                    }
                }
                for try await isSame in group { #expect(isSame) }
            }
        }
    }

    @Test("path parts, query and headers can be read")
    func reading() async throws {
        let route = Route.whole(.get, "/v2/models/{model}/versions/{version}", bodyLimit: 0) { exchange, _ in
            let answer = [
                exchange.part("model"), exchange.part("version"), exchange.query("a") ?? "-",
                exchange.query("none") ?? "-", exchange.header("x-name") ?? "-",
                String(exchange.integerHeader("x-number") ?? -1), exchange.path, exchange.method.name.description,
            ].joined(separator: "|")
            exchange.respond(status: 200, contentType: "text/plain", body: ByteBuffer(string: answer))
        }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            for _ in 0..<2 {
                let answer = try await client.request(
                    .get, "/v2/models/a%20b/versions/7?a=1%2B1", headers: [("x-name", "n"), ("x-number", "12")],
                    timeout: .seconds(20))
                #expect(answer.text == "a b|7|1+1|-|n|12|/v2/models/a%20b/versions/7|GET")
            }
        }
    }

    @Test("the more specific of two patterns wins, and a capture never crosses a slash")
    func patterns() async throws {
        func naming(_ name: String, _ path: String) -> Route {
            .whole(.post, path, bodyLimit: 0) { exchange, _ in
                exchange.respond(status: 200, contentType: "text/plain", body: ByteBuffer(string: name))
            }
        }
        let routes = [
            naming("model", "/m/{model}"), naming("freeze", "/m/{model}:freeze"), naming("fixed", "/m/all"),
            naming("deep", "/m/{model}/infer"), naming("root", "/"),
        ]
        try await withServer(routes) { listener in
            let client = try await connect(listener)
            let cases = [
                ("/m/a", "model"), ("/m/a:freeze", "freeze"), ("/m/all", "fixed"), ("/m/a/infer", "deep"),
                ("/", "root"),
                ("/m/a?x=/y", "model"),
            ]
            for (path, name) in cases {
                #expect(try await client.request(.post, path, timeout: .seconds(20)).text == name, "\(path)")
            }
            for path in ["/m/", "/m", "/m/a/b", "/m/a/infer/", "/m/a//infer", "//", "/m//infer"] {
                #expect(try await client.request(.post, path, timeout: .seconds(20)).status == 404, "\(path)")
            }
        }
    }

    @Test("an unknown path is 404, a wrong method 405 with allow, both as JSON")
    func refusals() async throws {
        try await withServer([echo(.post, "/t"), echo(.put, "/t")]) { listener in
            let client = try await connect(listener)
            let unknown = try await client.request(.get, "/no", timeout: .seconds(20))
            #expect(unknown.status == 404)
            #expect(unknown.header("content-type") == "application/json")
            #expect(unknown.text == #"{"error":"There is nothing at this path."}"#)
            let wrong = try await client.request(.delete, "/t", timeout: .seconds(20))
            #expect(wrong.status == 405)
            #expect(wrong.header("allow") == "POST, PUT")
        }
    }

    @Test("a body over the limit is 413, announced or not, and the connection goes on")
    func bodyLimit() async throws {
        let streamed = Route.streaming(.post, "/s") { EchoReceiver($0) }
        try await withServer([echo(.post, "/t", bodyLimit: 1000), streamed]) { listener in
            let client = try await connect(listener)
            let body = ByteBuffer(repeating: 1, count: 200_000)
            let announced = try await client.request(
                .post, "/t", headers: [("content-length", "200000")], body: body, timeout: .seconds(20))
            #expect(announced.status == 413)
            let counted = try await client.request(.post, "/t", body: body, timeout: .seconds(20))
            #expect(counted.status == 413)
            #expect(counted.text.contains("larger than 1000 bytes"))
            let fine = try await client.request(
                .post, "/t", body: ByteBuffer(repeating: 1, count: 1000), timeout: .seconds(20))
            #expect(fine.status == 200)
        }
    }

    @Test("a request that was cut off leaves nothing behind for the next")
    func cutOff() async throws {
        try await withServer([echo(.post, "/t"), echo(.get, "/t")]) { listener in
            let client = try await connect(listener)
            for _ in 0..<20 {
                let stream = try await client.open(.post, "/t")
                try await stream.write(ByteBuffer(string: "half of a"))
                // An answered request on the same connection says that the half has arrived before it is cut off.
                #expect(try await client.request(.get, "/t", timeout: .seconds(20)).text.isEmpty)
                stream.cancel()
                // Large enough to be gathered from several frames.
                let body = ByteBuffer(repeating: 5, count: 40_000)
                let answer = try await client.request(.post, "/t", body: body, timeout: .seconds(20))
                #expect(answer.body == body)
            }
        }
    }

    @Test("a cluster route asks for the token, byte for byte")
    func token() async throws {
        let token = ClusterToken("secret")
        try await withServer([echo(.post, "/p", access: .cluster)], token: token) { listener in
            for (given, status) in [(token, 200), (ClusterToken("secreT"), 401), (nil, 401)] {
                let client = try await connect(listener, token: given)
                #expect(try await client.request(.post, "/p", timeout: .seconds(20)).status == status)
            }
        }
    }

    @Test("an answer may come later, from another thread")
    func later() async throws {
        let route = Route.whole(.get, "/later", bodyLimit: 0) { exchange, _ in
            let remote = exchange.remote
            MultiThreadedEventLoopGroup.singleton.next().execute {
                remote.onLoop { exchange in
                    exchange.respond(status: 200, contentType: "text/plain", body: ByteBuffer(string: "later"))
                }
            }
        }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            for _ in 0..<20 {
                #expect(try await client.request(.get, "/later", timeout: .seconds(20)).text == "later")
            }
        }
    }

    @Test("an error's message is escaped")
    func escaping() async throws {
        let route = Route.whole(.get, "/e", bodyLimit: 0) { exchange, _ in
            exchange.fail(status: 400, "a \"b\" \\ \n\u{1}é", headers: [("retry-after", "1")])
        }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            let answer = try await client.request(.get, "/e", timeout: .seconds(20))
            #expect(answer.text == #"{"error":"a \"b\" \\ \n\u0001é"}"#)
            #expect(answer.header("retry-after") == "1")
        }
    }

    @Test("a request without answer times out, and the server learns of it")
    func timeout() async throws {
        let (cancelled, isCancelled) = AsyncStream.makeStream(of: Void.self)
        let route = Route.streaming(.post, "/never") { _ in SilentReceiver { isCancelled.yield() } }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            await #expect(throws: TransportError.timedOut) {
                try await client.request(.post, "/never", timeout: .milliseconds(50))
            }
            for await _ in cancelled { break }
        }
    }
}

/// Never answers; tells when it is cancelled.
final class SilentReceiver: BodyReceiver {
    private let onCancel: () -> Void
    init(_ onCancel: @escaping () -> Void) { self.onCancel = onCancel }
    func received(_ chunk: ByteBuffer, on exchange: Exchange) {}
    func ended(_ exchange: Exchange) {}
    func cancelled() { onCancel() }
}
