internal import HTTP2
package import NIOCore

/// A request whose bodies flow in both directions, with back-pressure in both.
///
/// Dropping the last reference cancels the stream.
package final class ClientStream: Sendable {
    private let eventLoop: any EventLoop
    private let connection: NIOLoopBound<HTTP2Connection<ClientStreams>>
    private let exchange: NIOLoopBound<ClientExchange>
    private let headFuture: EventLoopFuture<HTTPAnswerHead>

    init(
        eventLoop: any EventLoop, connection: NIOLoopBound<HTTP2Connection<ClientStreams>>,
        exchange: NIOLoopBound<ClientExchange>, head: EventLoopFuture<HTTPAnswerHead>
    ) {
        self.eventLoop = eventLoop
        self.connection = connection
        self.exchange = exchange
        headFuture = head
    }

    deinit { cancel() }

    /// Status and headers, once they have arrived.
    package var head: HTTPAnswerHead {
        get async throws(TransportError) { try await wait(headFuture) }
    }

    /// Sends a piece of the body; waits while more than `Limits.HTTP.requestHighWater` is queued.
    package func write(_ chunk: ByteBuffer) async throws(TransportError) {
        let (connection, exchange) = (connection, exchange)
        try await wait(
            eventLoop.flatSubmit {
                let handler = connection.value
                let written = exchange.value.write(chunk)
                handler.resume(exchange.value)
                return written
            })
    }

    /// Queues a piece of the body at once; what waits is the caller's to bound.
    ///
    /// - Precondition: the caller is on the connection's thread.
    package func enqueue(_ chunk: ByteBuffer) {
        let handler = connection.value
        // Whether little enough is queued, or the stream has ended, is seen by whoever reads its body.
        _ = exchange.value.write(chunk)
        handler.resume(exchange.value)
    }

    /// Ends the request's body.
    package func finish() async throws(TransportError) {
        let (connection, exchange) = (connection, exchange)
        try await wait(
            eventLoop.submit {
                exchange.value.outgoing.end()
                connection.value.resume(exchange.value)
            })
    }

    /// Resets the stream; whoever waits for it gets `closed`.
    package func cancel() {
        let (connection, exchange) = (connection, exchange)
        eventLoop.execute {
            let handler = connection.value
            handler.owner.cancel(exchange.value, .closed, in: handler)
        }
    }

    /// The answer's body. One reader; bytes that were not asked for hold the peer back.
    package var body: ClientBody { ClientBody(stream: self) }

    func nextChunk() async throws(TransportError) -> ByteBuffer? {
        let (connection, exchange) = (connection, exchange)
        let next = eventLoop.flatSubmit { () -> EventLoopFuture<ByteBuffer?> in
            let (future, consumedByteCount) = exchange.value.nextChunk()
            if consumedByteCount > 0 { connection.value.consumed(consumedByteCount, of: exchange.value) }
            return future
        }
        do {
            return try await withTaskCancellationHandler {
                try await next.get()
            } onCancel: {
                cancel()
            }
        } catch {
            throw TransportError.from(error)
        }
    }

    private func wait<Value: Sendable>(_ future: EventLoopFuture<Value>) async throws(TransportError) -> Value {
        do {
            return try await future.get()
        } catch {
            throw TransportError.from(error)
        }
    }
}

/// The chunks of an answer's body, as they arrive.
package struct ClientBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer
    package typealias Failure = TransportError
    let stream: ClientStream

    package func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }

    package struct Iterator: AsyncIteratorProtocol {
        package typealias Failure = TransportError
        let stream: ClientStream

        package mutating func next() async throws(TransportError) -> ByteBuffer? { try await stream.nextChunk() }

        package mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(TransportError) -> ByteBuffer? { try await stream.nextChunk() }
    }
}

extension HTTP2Connection<ClientStreams> {
    /// The exchange's body has more to send.
    func resume(_ exchange: ClientExchange) {
        guard owner.isCurrent(exchange) else { return }
        session.resume(exchange.index)
        outputChanged()
    }

    func consumed(_ byteCount: Int, of exchange: ClientExchange) {
        guard owner.isCurrent(exchange) else { return }
        session.consume(exchange.index, byteCount: byteCount)
        outputChanged()
    }
}
