internal import Domain
internal import NIOCore

/// How long a connection may be silent, slow or stuck. Tests shorten them.
package struct ConnectionTimeouts: Sendable {
    package var preface: Duration = Limits.HTTP.prefaceTimeout
    package var header: Duration = Limits.HTTP.headerTimeout
    package var idle: Duration = Limits.HTTP.idleTimeout
    package var stalledWrite: Duration = Limits.HTTP.stalledWriteTimeout
    package var drainNotice: Duration = Limits.HTTP.drainNoticeTimeout
    /// How often a connection looks at its clock: one timer each, instead of one per request.
    package var tick: Duration = .seconds(1)

    package init() {}
}

/// Watches one connection's clocks, once a tick, so that a request costs no timer (docs/decisions/0007-http2-limits.md: the
/// HTTP/2 library has no timers at all).
struct ConnectionWatchdog {
    enum Verdict { case fine, expired }

    private let timeouts: ConnectionTimeouts
    private var task: RepeatedTask?
    private var lastReceived = NIODeadline.now()
    /// Since when a header block is incomplete, as seen by ticks.
    private var headersSince: NIODeadline?
    /// Since when the socket has taken nothing of what waits for it.
    private var stalledSince: NIODeadline?
    private var lastBufferedByteCount = 0
    private var hasWritten = false

    init(_ timeouts: ConnectionTimeouts) {
        self.timeouts = timeouts
    }

    mutating func start(context: ChannelHandlerContext, _ body: @escaping (NIODeadline) -> Void) {
        lastReceived = .now()
        let tick = TimeAmount(timeouts.tick)
        let bound = NIOLoopBound(body, eventLoop: context.eventLoop)
        task = context.eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in
            bound.value(.now())
        }
    }

    mutating func stop() {
        task?.cancel()
        task = nil
    }

    mutating func received(at now: NIODeadline) { lastReceived = now }

    mutating func wrote() { hasWritten = true }

    mutating func writabilityChanged(_ isWritable: Bool) {
        if isWritable { stalledSince = nil }
    }

    mutating func check(_ now: NIODeadline, isAwaited: Bool, isInHeaders: Bool, channel: any Channel) -> Verdict {
        if !isAwaited, now - lastReceived > TimeAmount(timeouts.idle) { return .expired }
        if isInHeaders {
            let since = headersSince ?? now
            headersSince = since
            if now - since > TimeAmount(timeouts.header) { return .expired }
        } else {
            headersSince = nil
        }
        return checkWrites(now, channel)
    }

    /// The socket's queue must shrink or change between ticks, or be empty.
    private mutating func checkWrites(_ now: NIODeadline, _ channel: any Channel) -> Verdict {
        // Sockets know their queue; another kind of channel has none that could stall.
        let buffered = (try? channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)) ?? 0
        defer {
            lastBufferedByteCount = buffered
            hasWritten = false
        }
        guard buffered > 0, buffered >= lastBufferedByteCount, !(hasWritten && channel.isWritable) else {
            stalledSince = nil
            return .fine
        }
        let since = stalledSince ?? now
        stalledSince = since
        return now - since > TimeAmount(timeouts.stalledWrite) ? .expired : .fine
    }
}

/// Asks a connection to finish what is open and close.
struct DrainRequest: Sendable {}
