internal import NIOCore

extension Exchange {
    /// Runs `body` on the loop after a delay, unless the timer is cancelled. The exchange may be dead by then.
    package func schedule(after delay: Duration, _ body: @escaping @Sendable (Exchange) -> Void) -> WorkThread.Timer {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        return WorkThread.Timer(
            scheduled: eventLoop.scheduleTask(in: TimeAmount(delay)) {
                body(bound.value)
            })
    }
}
