internal import NIOCore

extension Exchange {
    /// Runs `body` on the loop after a delay, if the exchange is still alive then and the timer was not cancelled.
    package func schedule(after delay: Duration, _ body: @escaping @Sendable (Exchange) -> Void) -> WorkThread.Timer {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        return WorkThread.Timer(
            scheduled: eventLoop.scheduleTask(in: TimeAmount(delay)) {
                if bound.value.isAlive { body(bound.value) }
            })
    }
}
