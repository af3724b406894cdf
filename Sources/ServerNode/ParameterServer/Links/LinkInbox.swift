internal import Domain
internal import Logging
internal import Transport

/// The receiving end of one link: messages out of a request's body, each handed over once.
///
/// The count is shared by all connections of a node's road, and only the newest of them is listened to.
///
/// Safe because it is touched on its exchange's event loop only; what is shared is behind a lock.
final class LinkInbox: BodyReceiver, @unchecked Sendable {
    /// What outlives a connection.
    struct State: Sendable {
        var count = LinkCount()
        var generation: UInt64 = 0
    }

    private let state: Locked<State>
    private let generation: UInt64
    private let deliver: @Sendable (Envelope) -> Void
    private let log: Logger
    private var reader = EnvelopeReader()
    /// What the sender was told last, and bytes received since.
    private var confirmedCount: UInt64
    private var byteCount = 0

    /// Answers the request's head: the number of messages that have arrived.
    init(
        _ exchange: Exchange, from other: Hello, to own: Hello, _ state: Locked<State>, log: Logger,
        deliver: @escaping @Sendable (Envelope) -> Void
    ) {
        self.state = state
        self.deliver = deliver
        self.log = log
        let (generation, count) = state.withLockedValue { state in
            state.generation += 1
            return (state.generation, state.count.connected(life: other.life))
        }
        self.generation = generation
        confirmedCount = count
        exchange.start(
            status: 200, contentType: "application/octet-stream", headers: [("sluice-life", String(own.life))])
        exchange.write(CountReader.bytes(count))
        confirm(exchange)
    }

    /// Tells the count every second, so that the sender keeps little and knows that someone is here.
    private func confirm(_ exchange: Exchange) {
        timer = exchange.schedule(after: Limits.Group.confirmInterval) { [weak self] exchange in
            guard let self, exchange.isAlive else { return }
            let count = state.withLockedValue { $0.generation == self.generation ? $0.count.receivedCount : nil }
            guard let count else { return exchange.cancel() }
            exchange.write(CountReader.bytes(count))
            (confirmedCount, byteCount) = (count, 0)
            confirm(exchange)
        }
    }
    private var timer: WorkThread.Timer?

    func received(_ chunk: Bytes, on exchange: Exchange) {
        exchange.consumed(chunk.readableBytes)
        byteCount += chunk.readableBytes
        reader.append(chunk.readableBytesSpan)
        do {
            while let envelope = try reader.next() {
                // A newer connection has told a count, and is sent what comes behind it: this one's rest is not counted.
                let count: UInt64? = state.withLockedValue { state in
                    guard state.generation == generation else { return nil }
                    state.count.received()
                    return state.count.receivedCount
                }
                guard let count else { return exchange.cancel() }
                deliver(envelope)
                if count - confirmedCount >= Limits.Group.confirmedMessageCount
                    || byteCount >= Limits.Group.confirmedByteCount
                {
                    exchange.write(CountReader.bytes(count))
                    (confirmedCount, byteCount) = (count, 0)
                }
            }
        } catch {
            log.error("a message is damaged; the link is opened anew", metadata: ["reason": "\(error)"])
            exchange.cancel()
        }
    }

    func ended(_ exchange: Exchange) {
        timer?.cancel()
        exchange.finish()
    }

    func cancelled() { timer?.cancel() }
}
