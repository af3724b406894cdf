import NIOCore
import Testing
import Transport

@Suite("HTTP/1.1 gets the same answers")
struct HTTP1Tests {
    @Test("a request is answered and the connection is kept")
    func keepAlive() async throws {
        try await withServer([echo(.post, "/t")]) { listener in
            let request = "POST /t HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nhello"
            let answer = try await talk(
                listener, request, then: [request], until: { $0.components(of: "hello") == 2 })
            #expect(answer.components(of: "HTTP/1.1 200 OK") == 2)
            #expect(answer.contains("content-length: 5"))
        }
    }

    @Test("pipelined requests are answered in order")
    func pipelining() async throws {
        try await withServer([echo(.post, "/t")]) { listener in
            let requests = (1...5).map { "POST /t HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nno_\($0)" }.joined()
            let answer = try await talk(listener, requests, until: { $0.contains("no_5") })
            let positions = (1...5).map { answer.range(of: "no_\($0)") }
            #expect(!positions.contains(nil))
            #expect(positions.compactMap { $0 } == positions.compactMap { $0 }.sorted())
        }
    }

    @Test("Expect is answered before the body is sent")
    func expectContinue() async throws {
        try await withServer([echo(.post, "/t")]) { listener in
            let answer = try await talk(
                listener, "POST /t HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n",
                then: ["hello"], until: { $0.hasSuffix("hello") })
            #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"))
        }
    }

    @Test("chunked bodies go both ways")
    func chunked() async throws {
        try await withServer([.streaming(.post, "/s") { EchoReceiver($0) }]) { listener in
            let answer = try await talk(
                listener,
                "POST /s HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
                then: ["4\r\ndefg\r\n0\r\n\r\n"], until: { $0.hasSuffix("0\r\n\r\n") })
            #expect(answer.contains("transfer-encoding: chunked"))
            #expect(answer.contains("3\r\nabc\r\n"))
            #expect(answer.hasSuffix("4\r\ndefg\r\n0\r\n\r\n"))
        }
    }

    @Test("refusals: 404, 405, 413; the connection closes when a body was refused")
    func refusals() async throws {
        try await withServer([echo(.post, "/t", bodyLimit: 3)]) { listener in
            let get = "GET /no HTTP/1.1\r\nhost: h\r\n\r\n"
            let unknown = try await talk(listener, get, then: [get], until: { $0.components(of: "path.\"}") == 2 })
            #expect(unknown.components(of: "HTTP/1.1 404 Not Found") == 2)
            let wrong = try await talk(listener, "GET /t HTTP/1.1\r\nhost: h\r\n\r\n", until: { $0.hasSuffix("}") })
            #expect(wrong.hasPrefix("HTTP/1.1 405 Method Not Allowed") && wrong.contains("allow: POST"))
            let large = try await talk(
                listener, "POST /t HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n0123456789")
            #expect(large.hasPrefix("HTTP/1.1 413") && large.contains("connection: close"))
            let counted = try await talk(
                listener,
                "POST /t HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n")
            #expect(counted.hasPrefix("HTTP/1.1 413"))
        }
    }

    @Test("HEAD has no body, an old peer gets the answer and a close")
    func headAndOldPeers() async throws {
        try await withServer([echo(.get, "/t")]) { listener in
            let head = try await talk(
                listener, "HEAD /t HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200 OK") && head.hasSuffix("\r\n\r\n"))
            let old = try await talk(listener, "GET /t HTTP/1.0\r\n\r\n")
            #expect(old.hasPrefix("HTTP/1.0 200 OK") || old.hasPrefix("HTTP/1.1 200 OK"))
        }
    }

    @Test("header fields over the limit are 431")
    func headerLimit() async throws {
        try await withServer([echo(.get, "/t")]) { listener in
            let fields = (0..<70).map { "x-\($0): v\r\n" }.joined()
            let answer = try await talk(
                listener, "GET /t HTTP/1.1\r\nhost: h\r\n\(fields)\r\n", until: { $0.hasSuffix("}") })
            #expect(answer.hasPrefix("HTTP/1.1 431"))
        }
    }

    @Test("a first byte that belongs to both protocols is waited upon")
    func sniffing() async throws {
        try await withServer([echo(.put, "/t")]) { listener in
            let answer = try await talk(
                listener, "P", continuing: "UT /t HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nok",
                until: { $0.hasSuffix("ok") && $0.contains("200") })
            #expect(answer.hasSuffix("ok"))
        }
    }
}

extension String {
    /// How often a text occurs.
    func components(of text: String) -> Int { ranges(of: text).count }
    func range(of text: String) -> Int? {
        ranges(of: text).first.map { utf8.distance(from: startIndex, to: $0.lowerBound) }
    }
}
