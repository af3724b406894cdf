internal import Domain
internal import HTTP2
package import NIOCore

/// An answer with its whole body.
package struct HTTPResponse: Sendable {
    package let status: Int
    package let headers: [(String, String)]
    package let body: ByteBuffer
}

/// The first part of an answer.
package struct HTTPAnswerHead: Sendable {
    package let status: Int
    package let headers: [(String, String)]
}

/// One request of ours and its answer, on the connection's event loop.
///
/// Everything that waits is a promise kept here, and `ended` keeps each of them: none is left behind.
final class ClientExchange {
    enum Reading {
        /// The body is gathered and handed over once.
        case whole(EventLoopPromise<HTTPResponse>)
        /// The body is asked for chunk by chunk.
        case streaming
    }

    let eventLoop: any EventLoop
    let head: EventLoopPromise<HTTPAnswerHead>
    var index: StreamIndex = -1
    var outgoing = OutgoingQueue()
    private(set) var isEnded = false
    private let reading: Reading
    private var receivedHead: HTTPAnswerHead?
    /// Chunks received and not asked for. Bounded by the stream's window, which opens when they are taken.
    private var chunks = CircularBuffer<ByteBuffer>(initialCapacity: 1)
    private var gathered = ByteBuffer()
    private var hasRemoteEnded = false
    private var error: TransportError?
    private var waitingReader: EventLoopPromise<ByteBuffer?>?
    private var waitingWriters: [EventLoopPromise<Void>] = []

    init(_ reading: Reading, eventLoop: any EventLoop) {
        self.reading = reading
        self.eventLoop = eventLoop
        head = eventLoop.makePromise()
    }

    func receivedHead(_ block: HeaderBlock) {
        let head = HTTPAnswerHead(status: block.status, headers: block.pairs)
        receivedHead = head
        self.head.succeed(head)
    }

    /// - Returns: whether the bytes are dealt with; false for those which wait for a reader.
    func received(_ bytes: RawSpan, slice: @autoclosure () -> ByteBuffer) -> Bool {
        guard case .streaming = reading else {
            gathered.writeBytes(bytes)
            return true
        }
        guard let reader = waitingReader else {
            chunks.append(slice())
            return false
        }
        waitingReader = nil
        reader.succeed(slice())
        return true
    }

    var isGathering: Bool {
        if case .whole = reading { true } else { false }
    }

    /// Whether a gathered body passes its bound.
    var isTooLarge: Bool { gathered.readableBytes > Limits.HTTP.gatheredAnswerByteCountMax }

    func remoteEnded() {
        hasRemoteEnded = true
        guard case .whole(let answer) = reading, let head = receivedHead else {
            waitingReader?.succeed(nil)
            waitingReader = nil
            return
        }
        answer.succeed(HTTPResponse(status: head.status, headers: head.headers, body: gathered))
    }

    /// The next chunk, nil at the end. The chunk's bytes are to be consumed by the caller.
    func nextChunk() -> (future: EventLoopFuture<ByteBuffer?>, consumedByteCount: Int) {
        if let chunk = chunks.popFirst() { return (eventLoop.makeSucceededFuture(chunk), chunk.readableBytes) }
        if hasRemoteEnded { return (eventLoop.makeSucceededFuture(nil), 0) }
        if let error { return (eventLoop.makeFailedFuture(error), 0) }
        precondition(waitingReader == nil, "a body has one reader at a time")
        let promise = eventLoop.makePromise(of: ByteBuffer?.self)
        waitingReader = promise
        return (promise.futureResult, 0)
    }

    /// Queues a chunk. - Returns: a future that is kept when little enough is queued to go on.
    func write(_ chunk: ByteBuffer) -> EventLoopFuture<Void> {
        guard !isEnded, !outgoing.hasEnded else { return eventLoop.makeFailedFuture(error ?? .closed) }
        outgoing.append(chunk)
        guard outgoing.byteCount > Limits.HTTP.requestHighWater else { return eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        waitingWriters.append(promise)
        return promise.futureResult
    }

    /// Whether writers wait and may go on.
    var isDrained: Bool { !waitingWriters.isEmpty && outgoing.byteCount < Limits.HTTP.responseLowWater }

    func resumeWriters() {
        let writers = waitingWriters
        waitingWriters = []
        for writer in writers { writer.succeed(()) }
    }

    /// The stream is over. What has arrived stays readable.
    func ended(_ error: TransportError) {
        guard !isEnded else { return }
        isEnded = true
        self.error = error
        outgoing.reset()
        head.fail(error)
        if case .whole(let answer) = reading { answer.fail(error) }
        waitingReader?.fail(error)
        waitingReader = nil
        let writers = waitingWriters
        waitingWriters = []
        for writer in writers { writer.fail(error) }
    }
}

extension ClientExchange: HTTP2BodySource {
    package func fill(_ space: inout FrameSpace) -> BodyStep { outgoing.fill(&space) }
}
