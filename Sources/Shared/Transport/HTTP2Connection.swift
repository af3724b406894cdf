internal import Domain
internal import HTTP2
internal import NIOCore

/// What the events of a connection mean: requests (server) or answers (client).
protocol HTTP2StreamOwner: AnyObject {
    /// - Parameters:
    ///   - input: the read which holds the slice; positions of `data` count from `sliceStart`.
    func handle(_ event: HTTP2Event, input: ByteBuffer, sliceStart: Int, in connection: HTTP2Connection<Self>)
    /// Output was drained: the moment for callbacks that may write again.
    func outputDrained(in connection: HTTP2Connection<Self>)
    /// A second or so has passed.
    func ticked(in connection: HTTP2Connection<Self>)
    /// The connection ended; nothing is sent or received any more.
    func connectionEnded(_ error: TransportError)
    /// Whether the peer's silence is no reason to close.
    var isAwaited: Bool { get }
}

/// One HTTP/2 connection as one channel handler: a channel per stream would cost eleven times the CPU per request
///.
///
/// Bytes go to the session in slices, events to the owner, output into one buffer that is written once per wake-up,
/// and only while the socket takes it: then the library sees its own backlog and its flood limits work
/// (docs/decisions/0007-http2-limits.md).
final class HTTP2Connection<Owner: HTTP2StreamOwner>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let session: HTTP2Session
    let owner: Owner
    private let timeouts: ConnectionTimeouts
    private var context: ChannelHandlerContext?
    private var watchdog: ConnectionWatchdog
    /// Gathers the frames of a whole wake-up for one write; its memory is used again once the socket has let go of it.
    private var output = ByteBuffer()
    /// Whether the channel has what is in `output`.
    private var isOutputWritten = true
    /// Whether a read is being worked on: its end flushes.
    private var isReading = false
    private var isPumpScheduled = false
    private var isClosing = false
    private var drainStep = DrainStep.serving

    private enum DrainStep { case serving, noticed, refusing }

    init(_ role: HTTP2Role, owner: Owner, timeouts: ConnectionTimeouts) throws(HTTP2Failure) {
        session = try HTTP2Session(role)
        self.owner = owner
        self.timeouts = timeouts
        watchdog = ConnectionWatchdog(timeouts)
    }

    var eventLoop: (any EventLoop)? { context?.eventLoop }

    /// Whether the connection takes new streams.
    var isUsable: Bool { !isClosing && drainStep == .serving && context != nil }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        // Strong references, broken when the connection ends: a weak one would make every count on this object slow.
        watchdog.start(context: context) { [self] now in tick(now) }
        if context.channel.isActive { pump() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { ended(.closed) }

    func channelActive(context: ChannelHandlerContext) {
        pump()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended(.connectionLost(reason: "The peer closed the connection."))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        ended(.connectionLost(reason: String(describing: error)))
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        let input = unwrapInboundIn(data)
        let now = NIODeadline.now()
        watchdog.received(at: now)
        isReading = true
        var start = 0
        let byteCount = input.readableBytes
        while start < byteCount, !isClosing {
            let end = min(start + Limits.HTTP.receiveSliceByteCount, byteCount)
            var failure: HTTP2Failure?
            do {
                try session.receive(
                    input.readableBytesSpan.extracting(start..<end), nowNanoseconds: now.uptimeNanoseconds)
            } catch { failure = error }
            handleEvents(input, start)
            if let failure {
                fail(failure)
                return
            }
            if end < byteCount { gather() }
            start = end
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        pump()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        watchdog.writabilityChanged(context.channel.isWritable)
        if context.channel.isWritable && !isReading { pump() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is DrainRequest { beginDrain() }
        context.fireUserInboundEventTriggered(event)
    }

    /// Something was submitted to the session: it goes out with the read being worked on, or at the loop's next turn
    /// together with whatever else is submitted until then.
    func outputChanged() {
        guard !isReading, !isPumpScheduled, let context else { return }
        isPumpScheduled = true
        context.eventLoop.assumeIsolated().execute { [self] in
            isPumpScheduled = false
            pump()
        }
    }

    /// Says a last word and closes.
    func close() {
        guard !isClosing, let context else { return }
        isClosing = true
        session.farewell(code: HTTP2ErrorCode.noError)
        gather()
        writeOutput()
        context.flush()
        context.close(promise: nil)
    }

    private func handleEvents(_ input: ByteBuffer, _ sliceStart: Int) {
        while let event = session.nextEvent() {
            switch event {
            case .pingAcknowledged: if drainStep == .noticed { refuseNewStreams() }
            case .goAwayReceived:
                if drainStep == .serving { drainStep = .refusing }
                owner.handle(event, input: input, sliceStart: sliceStart, in: self)
            default: owner.handle(event, input: input, sliceStart: sliceStart, in: self)
            }
        }
    }

    /// Sends what there is, as far as the socket takes it.
    private func pump() {
        guard let context, !isClosing else { return }
        isReading = true
        gather()
        writeOutput()
        isReading = false
        context.flush()
        guard !isClosing else { return }
        let mayClose = session.isFinished || (drainStep == .refusing && session.openStreamCount == 0)
        if mayClose && !session.wantsWrite { close() }
    }

    /// Moves frames into `output`. Callbacks they cause may submit more: it goes out too.
    private func gather() {
        guard let context else { return }
        var failure: HTTP2Failure?
        var hasRetried = false
        // Taken out of the property, so that frames are appended without an exclusivity check each.
        var batch = output
        output = ByteBuffer()
        if isOutputWritten { batch.clear(minimumCapacity: 4096) }
        isOutputWritten = false
        while failure == nil, context.channel.isWritable {
            let before = batch.readableBytes
            do {
                try session.drain { frame in
                    batch.writeBytes(frame)
                    return batch.readableBytes < Limits.HTTP.writeBatchByteCount
                }
            } catch { failure = error }
            handleEvents(ByteBuffer(), 0)
            owner.outputDrained(in: self)
            if batch.readableBytes == before {
                // A callback of the owner may have submitted more just now.
                if hasRetried || !session.wantsWrite { break }
                hasRetried = true
            } else if batch.readableBytes >= Limits.HTTP.writeBatchByteCount {
                watchdog.wrote()
                context.write(wrapOutboundOut(batch), promise: nil)
                batch.clear(minimumCapacity: 4096)
            }
        }
        output = batch
        if let failure, !isClosing { fail(failure) }
    }

    /// Moves what was gathered into the channel's queue, not flushed.
    private func writeOutput() {
        guard let context, !isOutputWritten else { return }
        isOutputWritten = true
        guard output.readableBytes > 0 else { return }
        watchdog.wrote()
        context.write(wrapOutboundOut(output), promise: nil)
    }

    /// Closes after a failure of the session: a GOAWAY where one can be sent, then the end.
    private func fail(_ failure: HTTP2Failure) {
        guard !isClosing, let context else { return }
        isClosing = true
        if failure != .notHTTP2 {
            writeOutput()
            output.clear(minimumCapacity: 4096)
            sendLastFrames()
            session.farewell(code: HTTP2ErrorCode.enhanceYourCalm)
            sendLastFrames()
            isOutputWritten = false
            writeOutput()
            context.flush()
        }
        ended(.connectionLost(reason: "The HTTP/2 session ended: \(failure)."))
        context.close(promise: nil)
    }

    private func sendLastFrames() {
        // The session has failed already; what it can still say is sent, what it cannot is of no consequence.
        try? session.drain { frame in
            output.writeBytes(frame)
            return output.readableBytes < Limits.HTTP.writeBatchByteCount
        }
    }

    private func ended(_ error: TransportError) {
        guard context != nil else { return }
        isClosing = true
        watchdog.stop()
        owner.connectionEnded(error)
        context = nil
    }

    private func tick(_ now: NIODeadline) {
        guard let context, !isClosing else { return }
        let verdict = watchdog.check(
            now, isAwaited: owner.isAwaited, isInHeaders: session.isReadingHeaders, channel: context.channel)
        guard verdict == .expired else {
            owner.ticked(in: self)
            return
        }
        isClosing = true
        ended(.connectionLost(reason: "The peer was too slow or silent for too long."))
        context.close(promise: nil)
    }

    private func beginDrain() {
        guard drainStep == .serving, let context, !isClosing else { return }
        drainStep = .noticed
        session.noticeShutdown()
        outputChanged()
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeouts.drainNotice)) { [self] in
            if drainStep == .noticed { refuseNewStreams() }
        }
    }

    private func refuseNewStreams() {
        drainStep = .refusing
        session.refuseNewStreams()
        outputChanged()
    }
}
