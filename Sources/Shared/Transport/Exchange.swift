internal import Domain
package import HTTP2
package import NIOCore

/// One request and its answer, over either protocol.
///
/// Lives on its connection's event loop and is valid until answered or cancelled; later calls do nothing. An exchange
/// that nobody kept is used again for the next request, one that somebody kept is not: a stale reference never acts
/// on another request.
///
/// Run-time exclusivity checks are off for its properties (`HTTP2Inbox` says what they cost). Safe because
/// everything runs on one loop and no property is held while foreign code is called.
package final class Exchange {
    /// The connection that carries the exchange.
    enum Link {
        case http2(HTTP2Connection<ServerStreams>)
        case http1(HTTP1Connection)
        case local(LocalLink)
        case none
    }

    package let eventLoop: any EventLoop
    /// The request's header fields, pseudo fields of HTTP/2 among them.
    package let headers: HeaderBlock
    /// The stream's position in its session; 0 over HTTP/1.1.
    let index: StreamIndex

    // The road of the request: where it came from, who answers it, what has arrived.
    @safe @exclusivity(unchecked) private var link: Link
    @safe @exclusivity(unchecked) var match: RouteMatch?
    @safe @exclusivity(unchecked) var receiver: (any BodyReceiver)?
    @safe @exclusivity(unchecked) var requestBody = ByteBuffer()
    /// Body bytes received, kept or not.
    @safe @exclusivity(unchecked) var receivedByteCount = 0
    @safe @exclusivity(unchecked) var hasRequestEnded = false

    /// Whether the peer can still get an answer. False after it was given, after the peer went away, after `cancel`.
    @safe @exclusivity(unchecked) package private(set) var isAlive = false

    // The answer.
    @safe @exclusivity(unchecked) var outgoing = OutgoingQueue()
    /// Whether an answer was begun: there is only one.
    @safe @exclusivity(unchecked) private(set) var isAnswered = false
    /// Whether the answer is written in pieces that may take long.
    @safe @exclusivity(unchecked) private(set) var isStreaming = false
    /// Whether `outgoing` was above the low water since the last `onDrained`.
    @safe @exclusivity(unchecked) private var isAboveLowWater = false
    /// Called on the loop when `queuedByteCount` falls below `Limits.HTTP.responseLowWater`.
    @safe @exclusivity(unchecked) package var onDrained: (() -> Void)?

    init(headers: HeaderBlock, index: StreamIndex, eventLoop: any EventLoop, link: Link) {
        self.headers = headers
        self.index = index
        self.eventLoop = eventLoop
        self.link = link
    }

    /// A handle other threads may hold.
    package var remote: RemoteExchange {
        RemoteExchange(eventLoop: eventLoop, exchange: NIOLoopBound(self, eventLoop: eventLoop))
    }

    /// An empty buffer for a body; the memory of an earlier answer when that is large enough.
    package func allocateBody(_ byteCount: Int) -> ByteBuffer {
        outgoing.takeSpare(ByteBufferAllocator(), byteCount: byteCount)
    }

    /// Answers with a complete body: one flush.
    /// - Parameter number: one more field, sent without allocating; not together with `extra`.
    /// - Precondition: the exchange was not answered before.
    package func respond(
        status: Int, contentType: StaticString, number: NumberField? = nil, headers extra: [(String, String)] = [],
        body: consuming ByteBuffer
    ) {
        guard beginAnswer() else { return }
        outgoing.setWhole(body)
        send(status, contentType, number, extra)
    }

    /// Answers with `{"error": message}`.
    package func fail(status: Int, _ message: String, headers extra: [(String, String)] = []) {
        guard isAlive else { return }
        var body = allocateBody(message.utf8.count + 16)
        ErrorBody.write(message, into: &body)
        respond(status: status, contentType: ErrorBody.contentType, headers: extra, body: body)
    }

    /// Begins an answer that is written in pieces.
    package func start(status: Int, contentType: StaticString, headers extra: [(String, String)] = []) {
        guard beginAnswer() else { return }
        isStreaming = true
        send(status, contentType, nil, extra)
    }

    /// Queues a piece of the answer. Shared memory is not copied before it is framed.
    package func write(_ chunk: ByteBuffer) {
        guard isAlive, isStreaming, !outgoing.hasEnded else { return }
        outgoing.append(chunk)
        if outgoing.byteCount >= Limits.HTTP.responseLowWater { isAboveLowWater = true }
        outputChanged()
    }

    /// Bytes accepted by `write` and not yet taken by the connection.
    package var queuedByteCount: Int { outgoing.byteCount }

    /// Ends the answer.
    package func finish() {
        guard isAlive, isStreaming, !outgoing.hasEnded else { return }
        outgoing.end()
        outputChanged()
    }

    /// Gives the request up: resets the stream (HTTP/2) or closes the connection (HTTP/1.1).
    package func cancel() {
        guard isAlive else { return }
        switch link {
        case .http2(let connection): connection.owner.cancel(self, in: connection)
        case .http1(let connection): connection.close()
        case .local(let link): link.cancel()
        case .none: break
        }
    }

    /// Says that bytes of a streamed body were dealt with: the peer may send as many more.
    package func consumed(_ byteCount: Int) {
        guard isAlive else { return }
        switch link {
        case .http2(let connection):
            connection.session.consume(index, byteCount: byteCount)
            connection.outputChanged()
        case .http1(let connection): connection.consumed(byteCount)
        case .local: break
        case .none: break
        }
    }

    /// Whether the connection must stay though the peer is silent: the next word is ours.
    var isAwaited: Bool { isStreaming || (hasRequestEnded && !isAnswered) }

    /// Makes the exchange ready for a request.
    func begin() {
        isAlive = true
        isAnswered = false
        isStreaming = false
        isAboveLowWater = false
        hasRequestEnded = false
        receivedByteCount = 0
        // A request that was cut off leaves its first part here.
        if requestBody.readableBytes > 0 { keepMemory(of: requestBody) }
    }

    /// Forgets the request, keeps the memory. The exchange is dead until `begin`.
    func end() {
        isAlive = false
        match = nil
        receiver = nil
        onDrained = nil
        outgoing.reset()
    }

    /// Keeps a request body's memory for the next one, without its bytes, unless it is large.
    func keepMemory(of body: consuming ByteBuffer) {
        requestBody = ByteBuffer()
        guard body.capacity > 0, body.capacity <= Limits.HTTP.keptBodyByteCountMax else { return }
        body.clear()
        requestBody = body
    }

    /// Becomes the exchange of a request inside this process.
    func attach(_ local: LocalLink) { link = .local(local) }

    /// Lets go of the connection, for good: it ended, or another exchange took this one's place.
    func detach() { link = .none }

    private func beginAnswer() -> Bool {
        guard isAlive else { return false }
        precondition(!isAnswered, "an exchange is answered once")
        isAnswered = true
        return true
    }

    private func send(
        _ status: Int, _ contentType: StaticString, _ number: NumberField?, _ extra: [(String, String)]
    ) {
        switch link {
        case .http2(let connection):
            let hasBody = headers.method != .head && !(outgoing.hasEnded && outgoing.byteCount == 0)
            connection.session.respond(
                index, status: status, contentType: contentType, number: number, extra: extra,
                body: hasBody ? self : nil)
            connection.outputChanged()
        case .http1(let connection):
            connection.send(status, contentType, (number.map { [$0.pair] } ?? []) + extra)
        case .local(let link): link.send(status)
        case .none: break
        }
    }

    private func outputChanged() {
        switch link {
        case .http2(let connection):
            connection.session.resume(index)
            connection.outputChanged()
        case .http1(let connection): connection.outputChanged()
        case .local(let link): link.outputChanged()
        case .none: break
        }
    }

    /// Whether `onDrained` is due now. Asking it consumes the answer.
    func takeDrained() -> Bool {
        guard isAboveLowWater, outgoing.byteCount < Limits.HTTP.responseLowWater else { return false }
        isAboveLowWater = false
        return onDrained != nil
    }
}

extension Exchange: HTTP2BodySource {
    package func fill(_ space: inout FrameSpace) -> BodyStep {
        let step = outgoing.fill(&space)
        // The callback may write, and so touch the session that is calling us: it waits until output is drained.
        if isStreaming, takeDrained(), case .http2(let connection) = link { connection.owner.drained.append(self) }
        return step
    }
}

/// A handle to an exchange for other threads.
package struct RemoteExchange: Sendable {
    package let eventLoop: any EventLoop
    let exchange: NIOLoopBound<Exchange>

    /// Runs the closure on the exchange's loop, if the exchange is still alive then.
    package func onLoop(_ body: @escaping @Sendable (Exchange) -> Void) {
        eventLoop.execute {
            let exchange = exchange.value
            if exchange.isAlive { body(exchange) }
        }
    }
}
