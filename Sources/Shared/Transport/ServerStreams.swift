internal import HTTP2
internal import NIOCore

/// The requests of one HTTP/2 connection.
///
/// Exclusivity checks are off for what each request touches; see `Exchange`.
final class ServerStreams: HTTP2StreamOwner {
    private let router: Router
    private let eventLoop: any EventLoop
    @safe @exclusivity(unchecked) private var cache = RouteCache()
    /// One per stream index, used again together with it.
    @safe @exclusivity(unchecked) private var exchanges: [Exchange?] = []
    /// Streams answered before their request ended. They are reset (RFC 9113 8.1) at the next tick and not at once:
    /// some clients (curl 7.88) drop an answer that arrives together with the reset.
    private var answeredEarly: [StreamIndex] = []
    /// Exchanges whose `onDrained` is due.
    var drained: [Exchange] = []

    init(_ router: Router, eventLoop: any EventLoop) {
        self.router = router
        self.eventLoop = eventLoop
    }

    var isAwaited: Bool { exchanges.contains { $0.map { $0.isAlive && $0.isAwaited } ?? false } }

    func handle(
        _ event: HTTP2Event, input: ByteBuffer, sliceStart: Int, in connection: HTTP2Connection<ServerStreams>
    ) {
        switch event {
        case .head(let index):
            let exchange = exchange(index, connection)
            exchange.begin()
            exchange.open(router, &cache)
        case .data(let index, let start, let byteCount):
            guard let exchange = exchanges[index] else { return }
            let range = (sliceStart + start)..<(sliceStart + start + byteCount)
            let bytes = input.readableBytesSpan.extracting(range)
            if exchange.takesWhole, connection.session.endsNext(index) {
                connection.session.consumeLazily(index)
                exchange.receivedWhole(bytes)
                return
            }
            let isDone = exchange.received(
                bytes,
                slice: input.getSlice(at: input.readerIndex + range.lowerBound, length: byteCount) ?? ByteBuffer())
            if isDone { connection.session.consumeLazily(index) }
        case .ended(let index):
            exchanges[index]?.requestEnded()
        case .headersTooLarge(let index):
            let exchange = exchange(index, connection)
            exchange.begin()
            exchange.fail(status: 431, "The header fields are too large.")
        case .answeredEarly(let index):
            answeredEarly.append(index)
        case .closed(let index, _):
            if !answeredEarly.isEmpty { answeredEarly.removeAll { $0 == index } }
            retire(index, connection)
        case .pingAcknowledged, .goAwayReceived: break
        }
    }

    func ticked(in connection: HTTP2Connection<ServerStreams>) {
        guard !answeredEarly.isEmpty else { return }
        for index in answeredEarly { connection.session.reset(index, code: HTTP2ErrorCode.noError) }
        answeredEarly.removeAll()
        connection.outputChanged()
    }

    func outputDrained(in connection: HTTP2Connection<ServerStreams>) {
        guard !drained.isEmpty else { return }
        let due = drained
        drained.removeAll(keepingCapacity: true)
        for exchange in due { exchange.onDrained?() }
    }

    func connectionEnded(_ error: TransportError) {
        let open = exchanges
        exchanges = []
        drained = []
        for case .some(let exchange) in open {
            if exchange.isAlive { exchange.cancelled() }
            exchange.detach()
        }
    }

    func cancel(_ exchange: Exchange, in connection: HTTP2Connection<ServerStreams>) {
        connection.session.reset(exchange.index, code: HTTP2ErrorCode.cancel)
        connection.outputChanged()
        exchange.end()
    }

    private func exchange(_ index: StreamIndex, _ connection: HTTP2Connection<ServerStreams>) -> Exchange {
        while exchanges.count <= index { exchanges.append(nil) }
        if let exchange = exchanges[index] { return exchange }
        let exchange = Exchange(
            headers: connection.session.headers(of: index), index: index, eventLoop: eventLoop, link: .http2(connection)
        )
        exchanges[index] = exchange
        return exchange
    }

    /// The stream is over: its exchange waits for the next one, unless somebody still holds it.
    private func retire(_ index: StreamIndex, _ connection: HTTP2Connection<ServerStreams>) {
        guard index < exchanges.count else { return }
        if let exchange = exchanges[index], exchange.isAlive { exchange.cancelled() }
        if !isKnownUniquelyReferenced(&exchanges[index]) {
            exchanges[index]?.detach()
            exchanges[index] = nil
            connection.session.renewHeaders(of: index)
        }
    }
}
