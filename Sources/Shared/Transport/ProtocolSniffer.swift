internal import Domain
internal import HTTP2
internal import NIOCore
internal import NIOHTTP1

/// Tells HTTP/2 with prior knowledge from HTTP/1.1 by a connection's first bytes, then steps aside.
///
/// `POST` and `PUT` begin like the preface, so bytes are compared until they differ or all 24 have come
///.
final class ProtocolSniffer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let prefaceBytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let router: Router
    private let timeouts: ConnectionTimeouts
    private var received = ByteBuffer()
    private var deadline: ScheduledTask?

    /// NIO's scheduled task, erased to what is needed: cancelling it.
    private struct ScheduledTask { let cancel: () -> Void }

    init(_ router: Router, timeouts: ConnectionTimeouts) {
        self.router = router
        self.timeouts = timeouts
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(in: TimeAmount(timeouts.preface)) {
            bound.value.close(promise: nil)
        }
        deadline = ScheduledTask { task.cancel() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.writeImmutableBuffer(unwrapInboundIn(data))
        let compared = min(received.readableBytes, Limits.HTTP.prefaceByteCount)
        let isHTTP2 = received.readableBytesView.prefix(compared).elementsEqual(
            ProtocolSniffer.prefaceBytes.prefix(compared))
        guard !isHTTP2 || compared == Limits.HTTP.prefaceByteCount else { return }
        deadline?.cancel()
        deadline = nil
        do {
            try install(isHTTP2, context)
        } catch {
            context.close(promise: nil)
            return
        }
        let bytes = received
        received = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(bytes))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is DrainRequest { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private func install(_ isHTTP2: Bool, _ context: ChannelHandlerContext) throws {
        let pipeline = context.pipeline.syncOperations
        if isHTTP2 {
            let streams = ServerStreams(router, eventLoop: context.eventLoop)
            try pipeline.addHandler(HTTP2Connection(.server, owner: streams, timeouts: timeouts))
        } else {
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
            try pipeline.addHandler(HTTP1Connection(router, timeouts: timeouts))
        }
    }
}
