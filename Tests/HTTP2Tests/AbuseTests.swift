import Domain
import HTTP2
import TestSupport
import Testing

@Suite("A session survives abuse and ends the connection")
struct AbuseTests {
    @Test("a header list over the limit is stopped, answered once with 431, and ends the session")
    func headerList() throws {
        let client = try End(.client)
        let server = try End(.server)
        try converse(client, server)
        let extra = (0..<40).map { ("x-\($0)", String(repeating: "v", count: 1000)) }
        _ = try client.session.request(method: .get, path: "/", authority: "h", extra: extra, body: nil)
        let bytes = try client.output()
        server.react = { event, server in
            guard case .headersTooLarge(let index) = event else { return }
            server.session.respond(index, status: 431, contentType: nil, extra: [], body: nil)
        }
        #expect(throws: HTTP2Failure.headersTooLarge) { try server.receive(bytes) }
        var answer: [UInt8] = []
        #expect(throws: HTTP2Failure.headersTooLarge) {
            try server.session.drain { frame in
                for position in 0..<frame.byteCount { answer.append(frame.byte(at: position)) }
                return true
            }
        }
        var status = 0
        client.react = { event, client in
            if case .head(let index) = event { status = client.session.headers(of: index).status }
        }
        try client.receive(answer)
        #expect(status == 431)
    }

    @Test("too many header fields are too large as well")
    func headerCount() throws {
        let client = try End(.client)
        let server = try End(.server)
        try converse(client, server)
        let extra = (0..<Limits.HTTP.headerFieldCountMax).map { ("x-\($0)", "v") }
        _ = try client.session.request(method: .get, path: "/", authority: "h", extra: extra, body: nil)
        let bytes = try client.output()
        #expect(throws: HTTP2Failure.headersTooLarge) { try server.receive(bytes) }
    }

    @Test("a PING flood ends although every answer is drained")
    func pingFlood() throws {
        let result = flood(try Raw.greetedServer(), count: 5000) { _ in Raw.ping }
        #expect(result.taken <= Limits.HTTP.frameBudgetBurst)
        #expect(result.failure == .abusive)
    }

    @Test("an empty DATA flood ends")
    func emptyData() throws {
        let server = try Raw.greetedServer()
        try server.receive(Raw.headers(1))
        let result = flood(server, count: 5000) { _ in Raw.data(1, []) }
        #expect(result.taken <= Limits.HTTP.frameBudgetBurst)
        #expect(result.failure == .abusive)
    }

    @Test("a padding-only DATA flood ends")
    func paddedEmptyData() throws {
        let server = try Raw.greetedServer()
        try server.receive(Raw.headers(1))
        let result = flood(server, count: 5000) { _ in
            Raw.frame(type: 0, flags: 8, stream: 1, [3, 0, 0, 0])
        }
        #expect(result.taken <= Limits.HTTP.frameBudgetBurst)
        #expect(result.failure == .abusive)
    }

    @Test("frames of unknown types, PRIORITY and WINDOW_UPDATE are not free", arguments: [UInt8(2), 8, 0xbb])
    func idleFrames(type: UInt8) throws {
        let server = try Raw.greetedServer()
        try server.receive(Raw.headers(1))
        let payload: [UInt8] = type == 2 ? [0, 0, 0, 0, 1] : [0, 0, 0, 1]
        let result = flood(server, count: 5000) { _ in Raw.frame(type: type, flags: 0, stream: 1, payload) }
        #expect(result.taken <= Limits.HTTP.frameBudgetBurst)
        #expect(result.failure == .abusive)
    }

    @Test("rapid resets end")
    func rapidReset() throws {
        let result = flood(try Raw.greetedServer(), count: 2000) { turn in
            let stream = UInt32(2 * turn + 1)
            return Raw.headers(stream, endsStream: true) + Raw.reset(stream)
        }
        #expect(result.taken <= Limits.HTTP.frameBudgetBurst / Limits.HTTP.resetCost)
    }

    @Test("making the server reset streams ends too (CVE-2025-8671)")
    func madeYouReset() throws {
        let result = flood(try Raw.greetedServer(), count: 2000) { turn in
            let stream = UInt32(2 * turn + 1)
            return Raw.headers(stream) + Raw.frame(type: 8, flags: 0, stream: stream, [0x7f, 0xff, 0xff, 0xff])
        }
        #expect(result.taken <= Limits.HTTP.frameBudgetBurst / Limits.HTTP.resetCost)
        #expect(result.failure == .abusive)
    }

    @Test("malformed requests end after a few")
    func malformed() throws {
        let result = flood(try Raw.greetedServer(), count: 2000) { turn in
            // A request without :path.
            Raw.headers(UInt32(2 * turn + 1), [0x83, 0x86, 0x41, 0x01, 0x61], endsStream: true)
        }
        #expect(result.taken <= Limits.HTTP.malformedMessageCountMax)
        #expect(result.failure == .abusive)
    }

    @Test(
        "a malformed frame after rejected DATA in the same segment does not abort (hardening.md 0, finding 1)",
        arguments: [UInt8(3), 6])
    func malformedAfterRejectedData(type: UInt8) throws {
        let server = try Raw.greetedServer()
        server.react = { event, server in
            if case .data(let index, _, _) = event { server.session.reset(index, code: 8) }
        }
        let bad = Raw.frame(type: type, flags: 0, stream: type == 3 ? 1 : 0, type == 3 ? [] : [1, 2, 3])
        try? server.receive(Raw.headers(1) + Raw.data(1, [1, 2, 3]) + bad)
        // What it still says is of no interest; that it does not abort is.
        _ = try? server.output()
        server.session.farewell(code: 11)
        _ = try? server.output()
        #expect(server.isFinished)
    }

    @Test("what is not HTTP/2 is refused")
    func notHTTP2() throws {
        let server = try End(.server)
        #expect(throws: HTTP2Failure.notHTTP2) { try server.receive(Array("GET / HTTP/1.1\r\n\r\n12345678".utf8)) }
    }

    @Test("any bytes at all are survived", arguments: 0..<50)
    func noise(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let server = try Raw.greetedServer()
        for _ in 0..<200 {
            let payload = (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let frame = Raw.frame(
                type: UInt8(random.next() % 12), flags: UInt8(truncatingIfNeeded: random.next()),
                stream: UInt32(random.next() % 6), payload)
            do {
                try server.receive(frame)
                _ = try server.output()
            } catch { return }
        }
    }
}

@Suite("A frame budget is a token bucket on the caller's clock")
struct FrameBudgetTests {
    @Test("the burst can be spent and refills with time, never above itself")
    func refill() {
        var budget = FrameBudget()
        budget.refill(nowNanoseconds: 0)
        let burst = budget.charge(Limits.HTTP.frameBudgetBurst)
        let more = budget.charge(1)
        #expect(burst && !more)
        budget.refill(nowNanoseconds: 1_000_000_000)
        #expect(budget.tokens == Limits.HTTP.frameBudgetPerSecond)
        budget.refill(nowNanoseconds: 1_000_000_000_000)
        #expect(budget.tokens == Limits.HTTP.frameBudgetBurst)
    }

    @Test("small steps of the clock lose nothing")
    func smallSteps() {
        var budget = FrameBudget()
        budget.refill(nowNanoseconds: 0)
        let burst = budget.charge(Limits.HTTP.frameBudgetBurst)
        #expect(burst)
        for step in 1...1000 { budget.refill(nowNanoseconds: UInt64(step) * 1_000_000) }
        #expect(budget.tokens == Limits.HTTP.frameBudgetPerSecond)
    }
}
