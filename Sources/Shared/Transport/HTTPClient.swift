internal import Domain
internal import HTTP2
package import NIOCore
internal import NIOPosix
internal import SystemPackage

/// One HTTP/2 connection to a peer (prior knowledge), for any number of requests at once.
///
/// It does not reconnect: its owner does, with `Backoff`, since only the owner knows what may be sent again.
package final class HTTPClient: Sendable {
    private let channel: any Channel
    let connection: NIOLoopBound<HTTP2Connection<ClientStreams>>

    private init(_ channel: any Channel, _ connection: NIOLoopBound<HTTP2Connection<ClientStreams>>) {
        self.channel = channel
        self.connection = connection
    }

    /// - Parameter token: sent as `authorization` with every request.
    /// - Throws: `connectFailed`.
    package static func connect(
        host: String, port: Int, on group: any EventLoopGroup, token: ClusterToken? = nil
    ) async throws(TransportError) -> HTTPClient {
        let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(Limits.HTTP.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.maxMessagesPerRead, value: Limits.HTTP.readsPerWakeUp)
            .channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Limits.HTTP.receiveBufferByteCount)
            )
            .channelOption(
                .writeBufferWaterMark,
                value: .init(low: Limits.HTTP.writeLowWater, high: Limits.HTTP.writeHighWater)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let streams = ClientStreams(authority: authority, token: token)
                    try channel.pipeline.syncOperations.addHandler(
                        HTTP2Connection(.client, owner: streams, timeouts: ConnectionTimeouts()))
                }
            }
        do {
            let channel = try await bootstrap.connect(host: host, port: port).get()
            let connection = try await channel.eventLoop.submit {
                let handler = try channel.pipeline.syncOperations.handler(type: HTTP2Connection<ClientStreams>.self)
                return NIOLoopBound(handler, eventLoop: channel.eventLoop)
            }.get()
            return HTTPClient(channel, connection)
        } catch {
            throw .connectFailed(host: host, port: port, reason: words(error))
        }
    }

    /// Sends a request and waits for the whole answer.
    /// - Parameter body: nil sends none.
    /// - Throws: `timedOut` (the stream is reset), `refused`, `connectionLost`, `closed`.
    package func request(
        _ method: Method, _ path: String, headers: [(String, String)] = [], body: ByteBuffer? = nil,
        timeout: Duration
    ) async throws(TransportError) -> HTTPResponse {
        let connection = connection
        let eventLoop = channel.eventLoop
        let answer = eventLoop.flatSubmit { () -> EventLoopFuture<HTTPResponse> in
            let promise = eventLoop.makePromise(of: HTTPResponse.self)
            let exchange = ClientExchange(.whole(promise), eventLoop: eventLoop)
            if let body { exchange.outgoing.setWhole(body) }
            let handler = connection.value
            handler.owner.send(exchange, method, path, headers, hasBody: body != nil, in: handler)
            let bound = NIOLoopBound(exchange, eventLoop: eventLoop)
            let deadline = eventLoop.scheduleTask(in: TimeAmount(timeout)) {
                let handler = connection.value
                handler.owner.cancel(bound.value, .timedOut, in: handler)
            }
            promise.futureResult.whenComplete { _ in deadline.cancel() }
            return promise.futureResult
        }
        do {
            return try await answer.get()
        } catch {
            throw TransportError.from(error)
        }
    }

    /// Opens a stream with a body in both directions.
    /// - Throws: `closed`, `connectionLost`; what happens later is thrown by the stream.
    package func open(
        _ method: Method, _ path: String, headers: [(String, String)] = []
    ) async throws(TransportError) -> ClientStream {
        let connection = connection
        let eventLoop = channel.eventLoop
        do {
            return try await eventLoop.submit {
                let exchange = ClientExchange(.streaming, eventLoop: eventLoop)
                let handler = connection.value
                handler.owner.send(exchange, method, path, headers, hasBody: true, in: handler)
                return ClientStream(
                    eventLoop: eventLoop, connection: connection,
                    exchange: NIOLoopBound(exchange, eventLoop: eventLoop), head: exchange.head.futureResult)
            }.get()
        } catch {
            throw TransportError.from(error)
        }
    }

    /// Whether the connection is gone, or told us to go.
    package var isClosed: Bool { !channel.isActive }

    /// Returns when the connection has ended. Cancelling the task that waits ends it.
    package func waitUntilClosed() async {
        let (connection, eventLoop) = (connection, channel.eventLoop)
        await withTaskCancellationHandler {
            // How it ended is of no interest here.
            try? await channel.closeFuture.get()
        } onCancel: {
            eventLoop.execute { connection.value.close() }
        }
    }

    /// Ends all requests and the connection.
    package func close() async {
        let connection = connection
        channel.eventLoop.execute { connection.value.close() }
        await waitUntilClosed()
    }
}

/// What the system says of a connection that was not made.
private func words(_ error: any Error) -> String {
    let first = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
    return (first as? IOError).map { Errno(rawValue: $0.errnoCode).description } ?? String(describing: first)
}
