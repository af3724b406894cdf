internal import HTTP2
internal import NIOCore

/// The requests of one client connection.
final class ClientStreams: HTTP2StreamOwner {
    private let authority: String
    private let authorization: [(String, String)]
    private var exchanges: [ClientExchange?] = []

    init(authority: String, token: ClusterToken?) {
        self.authority = authority
        authorization = token.map { [("authorization", $0.authorization)] } ?? []
    }

    /// A quiet connection to a peer is kept: its owner closes it.
    var isAwaited: Bool { true }

    /// Sends a request; how it ends is told through the exchange's promises.
    func send(
        _ exchange: ClientExchange, _ method: Method, _ path: String, _ headers: [(String, String)], hasBody: Bool,
        in connection: HTTP2Connection<ClientStreams>
    ) {
        guard connection.isUsable else {
            exchange.ended(.closed)
            return
        }
        do {
            let index = try connection.session.request(
                method: method, path: path, authority: authority, extra: authorization + headers,
                body: hasBody ? exchange : nil)
            exchange.index = index
            while exchanges.count <= index { exchanges.append(nil) }
            exchanges[index] = exchange
            connection.outputChanged()
        } catch {
            exchange.ended(.connectionLost(reason: "The request could not be sent: \(error)."))
        }
    }

    func cancel(_ exchange: ClientExchange, _ error: TransportError, in connection: HTTP2Connection<ClientStreams>) {
        guard !exchange.isEnded else { return }
        exchange.ended(error)
        guard isCurrent(exchange) else { return }
        connection.session.reset(exchange.index, code: HTTP2ErrorCode.cancel)
        connection.outputChanged()
    }

    /// Whether the exchange still owns its stream index.
    func isCurrent(_ exchange: ClientExchange) -> Bool {
        exchanges.indices.contains(exchange.index) && exchanges[exchange.index] === exchange
    }

    func handle(
        _ event: HTTP2Event, input: ByteBuffer, sliceStart: Int, in connection: HTTP2Connection<ClientStreams>
    ) {
        switch event {
        case .head(let index):
            exchanges[index]?.receivedHead(connection.session.headers(of: index))
        case .data(let index, let start, let byteCount):
            guard let exchange = exchanges[index] else { return }
            let range = (sliceStart + start)..<(sliceStart + start + byteCount)
            let isDone = exchange.received(
                input.readableBytesSpan.extracting(range),
                slice: input.getSlice(at: input.readerIndex + range.lowerBound, length: byteCount) ?? ByteBuffer())
            if isDone || exchange.isEnded { connection.session.consume(index, byteCount: byteCount) }
            if exchange.isTooLarge {
                cancel(exchange, .connectionLost(reason: "The answer is too large to be gathered."), in: connection)
            }
        case .ended(let index):
            guard let exchange = exchanges[index] else { return }
            exchange.remoteEnded()
            // Answered before the body was sent, so the rest of it is of no use.
            if exchange.isGathering, exchange.outgoing.byteCount > 0 {
                connection.session.reset(index, code: HTTP2ErrorCode.noError)
            }
        case .closed(let index, let errorCode):
            let exchange = exchanges[index]
            exchanges[index] = nil
            exchange?.ended(ClientStreams.error(errorCode))
        case .headersTooLarge, .answeredEarly, .pingAcknowledged, .goAwayReceived: break
        }
    }

    func ticked(in connection: HTTP2Connection<ClientStreams>) {}

    func outputDrained(in connection: HTTP2Connection<ClientStreams>) {
        for case .some(let exchange) in exchanges where exchange.isDrained { exchange.resumeWriters() }
    }

    func connectionEnded(_ error: TransportError) {
        let open = exchanges
        exchanges = []
        for case .some(let exchange) in open { exchange.ended(error) }
    }

    private static func error(_ code: UInt32) -> TransportError {
        switch code {
        case HTTP2ErrorCode.refusedStream: .refused
        case HTTP2ErrorCode.noError:
            .connectionLost(reason: "The peer ended the stream before its answer was complete.")
        default: .connectionLost(reason: "The peer reset the stream with code \(code).")
        }
    }
}
