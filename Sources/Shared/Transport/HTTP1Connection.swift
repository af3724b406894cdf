internal import Domain
internal import HTTP2
internal import NIOCore
internal import NIOHTTP1

/// One HTTP/1.1 connection, for tools and people: the same router and exchanges as HTTP/2, one request at a time.
///
/// NIO's pipeline handler in front keeps pipelined requests back until the answer before them is complete.
final class HTTP1Connection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let router: Router
    private var cache = RouteCache()
    private var context: ChannelHandlerContext?
    private var watchdog: ConnectionWatchdog
    private let timeouts: ConnectionTimeouts
    private var exchange: Exchange?
    private var version = HTTPVersion.http1_1
    private var isKeptAlive = true
    /// Whether the rest of a refused request is read and dropped, so that the peer gets to read the answer.
    private var isDiscarding = false
    private var hasSeenHead = false
    /// Whether the request announced a body, be it empty.
    private var hasRequestBody = false
    private var hasSentHead = false
    private var isPumping = false
    private var isDraining = false
    /// Body bytes given to a receiver and not consumed; above the limit nothing more is read.
    private var unconsumedByteCount = 0
    private var isReadHeldBack = false

    init(_ router: Router, timeouts: ConnectionTimeouts) {
        self.router = router
        self.timeouts = timeouts
        watchdog = ConnectionWatchdog(timeouts)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        watchdog.start(context: context) { [self] now in tick(now) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { ended() }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ended()
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        watchdog.received(at: .now())
        switch unwrapInboundIn(data) {
        case .head(let head): opened(head, context)
        case .body(let chunk):
            guard let exchange, !isDiscarding else { return }
            if !exchange.received(chunk.readableBytesSpan, slice: chunk), exchange.receiver != nil {
                unconsumedByteCount += chunk.readableBytes
            }
        case .end:
            if isDiscarding {
                close()
            } else {
                exchange?.requestEnded()
            }
        }
    }

    func read(context: ChannelHandlerContext) {
        guard unconsumedByteCount <= Limits.HTTP.responseLowWater else {
            isReadHeldBack = true
            return
        }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        watchdog.writabilityChanged(context.channel.isWritable)
        if context.channel.isWritable { outputChanged() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is DrainRequest {
            isDraining = true
            isKeptAlive = false
            if exchange?.isAlive != true { close() }
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// A streamed body's bytes were dealt with.
    func consumed(_ byteCount: Int) {
        unconsumedByteCount = max(0, unconsumedByteCount - byteCount)
        guard isReadHeldBack, unconsumedByteCount <= Limits.HTTP.responseLowWater else { return }
        isReadHeldBack = false
        context?.read()
    }

    func close() {
        context?.close(promise: nil)
    }

    /// Writes the answer's head, and all of a complete answer, with one flush.
    func send(_ status: Int, _ contentType: StaticString, _ extra: [(String, String)]) {
        guard let context, let exchange else { return }
        var headers = HTTPHeaders(extra)
        headers.add(name: "content-type", value: contentType.description)
        if exchange.outgoing.hasEnded && status != 204 && status != 304 {
            headers.add(name: "content-length", value: String(exchange.outgoing.byteCount))
        }
        // A refused request's body is not read to its end; an old peer knows no chunks and needs the close.
        let isRefused = hasRequestBody && !exchange.hasRequestEnded && exchange.outgoing.hasEnded
        if isRefused || (version == .http1_0 && exchange.isStreaming) { isKeptAlive = false }
        if !isKeptAlive { headers.replaceOrAdd(name: "connection", value: "close") }
        let head = HTTPResponseHead(version: version, status: HTTPResponseStatus(statusCode: status), headers: headers)
        hasSentHead = true
        watchdog.wrote()
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        outputChanged()
    }

    /// Writes what the exchange has queued, as far as the socket takes it.
    func outputChanged() {
        guard let context, let exchange, exchange.isAlive, hasSentHead, !isPumping else { return }
        isPumping = true
        while context.channel.isWritable || exchange.outgoing.hasEnded, let chunk = exchange.outgoing.popChunk() {
            watchdog.wrote()
            if exchange.method != .head { context.write(wrapOutboundOut(.body(.byteBuffer(chunk))), promise: nil) }
        }
        let isComplete = exchange.outgoing.hasEnded && exchange.outgoing.byteCount == 0
        isPumping = false
        guard !isComplete else {
            complete(exchange, context)
            return
        }
        context.flush()
        if exchange.isAlive, exchange.takeDrained() { exchange.onDrained?() }
    }

    private func opened(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        hasSeenHead = true
        hasSentHead = false
        version = head.version
        isKeptAlive = head.isKeepAlive && !isDraining
        hasRequestBody =
            head.headers.contains(name: "content-length") || head.headers.contains(name: "transfer-encoding")
        unconsumedByteCount = 0
        let exchange = freshExchange(context)
        let isComplete = fill(exchange.headers, from: head)
        exchange.begin()
        guard isComplete else {
            exchange.fail(status: 431, "The header fields are too large.")
            return
        }
        exchange.open(router, &cache)
        if exchange.isAlive, !exchange.isAnswered, head.headers[canonicalForm: "expect"].contains("100-continue") {
            // Neither NIO nor its HTTP module answers this, and curl waits a second for it.
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
    }

    /// A new exchange each: the next pipelined request may arrive while the one before is still on the stack.
    private func freshExchange(_ context: ChannelHandlerContext) -> Exchange {
        let fresh = Exchange(
            headers: HeaderBlock(), index: 0, eventLoop: context.eventLoop, link: .http1(self))
        exchange?.detach()
        exchange = fresh
        return fresh
    }

    private func fill(_ block: HeaderBlock, from head: HTTPRequestHead) -> Bool {
        func append(_ name: String, _ value: String) -> Bool {
            block.append(name: name, value: value)
        }
        guard append(":method", head.method.rawValue), append(":path", head.uri) else { return false }
        for field in head.headers {
            guard append(field.name.lowercased(), field.value) else { return false }
        }
        return true
    }

    private func complete(_ exchange: Exchange, _ context: ChannelHandlerContext) {
        let isKeptAlive = isKeptAlive
        isDiscarding = hasRequestBody && !exchange.hasRequestEnded
        exchange.cancelled()
        hasSentHead = false
        let written = context.eventLoop.makePromise(of: Void.self)
        // The next pipelined request may be delivered inside this call.
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: isKeptAlive ? nil : written)
        if isKeptAlive {
            written.succeed(())
        } else if !isDiscarding {
            written.futureResult.assumeIsolated().whenComplete { [self] _ in close() }
        } else {
            context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeouts.header)) { [self] in
                close()
            }
            if unconsumedByteCount > 0 { consumed(unconsumedByteCount) }
        }
    }

    private func ended() {
        guard context != nil else { return }
        watchdog.stop()
        context = nil
        if let exchange, exchange.isAlive { exchange.cancelled() }
        exchange?.detach()
        exchange = nil
    }

    private func tick(_ now: NIODeadline) {
        guard let context else { return }
        let isAwaited = exchange.map { $0.isAlive && $0.isAwaited } ?? false
        let verdict = watchdog.check(
            now, isAwaited: isAwaited, isInHeaders: !hasSeenHead, channel: context.channel)
        if verdict == .expired { close() }
    }
}
