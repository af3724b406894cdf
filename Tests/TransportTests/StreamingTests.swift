import Domain
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing
import Transport

@Suite("Streams flow both ways and hold each other back")
struct StreamingTests {
    @Test("chunks come back as they are sent, before the request ends")
    func bothWays() async throws {
        try await withServer([.streaming(.post, "/s") { EchoReceiver($0) }]) { listener in
            let client = try await connect(listener)
            let stream = try await client.open(.post, "/s")
            #expect(try await stream.head.status == 200)
            var answers = stream.body.makeAsyncIterator()
            for number in 0..<50 {
                try await stream.write(ByteBuffer(string: "line \(number)"))
                #expect(try await answers.next().map { String(buffer: $0) } == "line \(number)")
            }
            try await stream.finish()
            #expect(try await answers.next() == nil)
        }
    }

    @Test("a server that does not consume stops the writer; consuming lets it go on")
    func requestBackPressure() async throws {
        let byteCounts = AsyncStream.makeStream(of: Int.self)
        let holder = NIOLockedValueBox<RemoteExchange?>(nil)
        let route = Route.streaming(.post, "/hold") { exchange in
            holder.withLockedValue { $0 = exchange.remote }
            return HoldingReceiver { byteCounts.continuation.yield($0) }
        }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            let stream = try await client.open(.post, "/hold")
            let window = Int(Limits.HTTP.streamWindowByteCount)
            let total = 4 * window
            async let written: Void = {
                for _ in 0..<(total / 65536) { try await stream.write(ByteBuffer(repeating: 7, count: 65536)) }
                try await stream.finish()
            }()
            var received = 0
            var unconsumed = 0
            for await byteCount in byteCounts.stream {
                received += byteCount
                unconsumed += byteCount
                #expect(unconsumed <= window)
                guard unconsumed == window || received == total else { continue }
                let consumed = unconsumed
                unconsumed = 0
                holder.withLockedValue { $0 }?.onLoop { $0.consumed(consumed) }
                if received == total { break }
            }
            try await written
            #expect(received == total)
            #expect(try await stream.head.status == 200)
        }
    }

    @Test("a slow reader keeps the server's queue from draining; reading drains it")
    func responseBackPressure() async throws {
        let total = 16 << 20
        let route = Route.streaming(.get, "/feed") { exchange in FeedReceiver(exchange, total: total) }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            let slow = try await client.open(.get, "/feed")
            try await slow.finish()
            // Another stream of the same connection is not held up by the one that nobody reads.
            let quick = try await client.open(.get, "/feed")
            try await quick.finish()
            var received = 0
            for try await chunk in quick.body { received += chunk.readableBytes }
            #expect(received == total)
            received = 0
            for try await chunk in slow.body { received += chunk.readableBytes }
            #expect(received == total)
        }
    }

    @Test("a receiver that has answered hears no more")
    func answeredEarly() async throws {
        try await withServer([.streaming(.post, "/s") { _ in RefusingReceiver() }]) { listener in
            let client = try await connect(listener)
            for _ in 0..<10 {
                let answer = try await client.request(
                    .post, "/s", body: ByteBuffer(repeating: 1, count: 100_000), timeout: .seconds(20))
                #expect(answer.status == 400)
            }
            let old = try await talk(
                listener, "POST /s HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
                continuing: "1\r\nb\r\n0\r\n\r\n")
            #expect(old.hasPrefix("HTTP/1.1 400"))
        }
    }

    @Test("a cancelled stream is told to the server")
    func clientCancels() async throws {
        let (cancelled, isCancelled) = AsyncStream.makeStream(of: Void.self)
        let route = Route.streaming(.post, "/s") { exchange in
            exchange.start(status: 200, contentType: "text/plain")
            return SilentReceiver { isCancelled.yield() }
        }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            let stream = try await client.open(.post, "/s")
            _ = try await stream.head
            stream.cancel()
            for await _ in cancelled { break }
        }
    }

    @Test("a lost connection cancels every exchange and fails every stream")
    func connectionLost() async throws {
        let (cancelled, isCancelled) = AsyncStream.makeStream(of: Void.self)
        let route = Route.streaming(.post, "/s") { exchange in
            exchange.start(status: 200, contentType: "text/plain")
            return SilentReceiver { isCancelled.yield() }
        }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            let stream = try await client.open(.post, "/s")
            _ = try await stream.head
            await client.close()
            for await _ in cancelled { break }
            await #expect(throws: TransportError.self) { try await stream.write(ByteBuffer(string: "x")) }
        }
    }

    @Test("a server that cancels fails the stream")
    func serverCancels() async throws {
        let route = Route.streaming(.post, "/s") { exchange in
            exchange.start(status: 200, contentType: "text/plain")
            return CancellingReceiver()
        }
        try await withServer([route]) { listener in
            let client = try await connect(listener)
            let stream = try await client.open(.post, "/s")
            _ = try await stream.head
            try await stream.write(ByteBuffer(string: "x"))
            await #expect(throws: TransportError.self) { for try await _ in stream.body {} }
        }
    }
}

/// Refuses each chunk and the end, as often as it is asked.
final class RefusingReceiver: BodyReceiver {
    func received(_ chunk: ByteBuffer, on exchange: Exchange) { exchange.fail(status: 400, "No.") }
    func ended(_ exchange: Exchange) { exchange.fail(status: 400, "No.") }
    func cancelled() {}
}

/// Keeps what it gets unconsumed and reports how much came.
final class HoldingReceiver: BodyReceiver {
    private let report: (Int) -> Void
    init(_ report: @escaping (Int) -> Void) { self.report = report }
    func received(_ chunk: ByteBuffer, on exchange: Exchange) { report(chunk.readableBytes) }
    func ended(_ exchange: Exchange) {
        exchange.respond(status: 200, contentType: "text/plain", body: ByteBuffer(string: "ok"))
    }
    func cancelled() {}
}

/// Sends a number of bytes, never queueing more than it has to.
final class FeedReceiver: BodyReceiver {
    private var rest: Int

    init(_ exchange: Exchange, total: Int) {
        rest = total
        exchange.start(status: 200, contentType: "application/octet-stream")
        exchange.onDrained = { [unowned self, unowned exchange] in send(exchange) }
    }

    private func send(_ exchange: Exchange) {
        while rest > 0, exchange.queuedByteCount < 2 * Limits.HTTP.responseLowWater {
            exchange.write(ByteBuffer(repeating: 1, count: 65536))
            rest -= 65536
        }
        if rest == 0 { exchange.finish() }
    }

    func received(_ chunk: ByteBuffer, on exchange: Exchange) {}
    func ended(_ exchange: Exchange) { send(exchange) }
    func cancelled() {}
}

final class CancellingReceiver: BodyReceiver {
    func received(_ chunk: ByteBuffer, on exchange: Exchange) { exchange.cancel() }
    func ended(_ exchange: Exchange) {}
    func cancelled() {}
}
