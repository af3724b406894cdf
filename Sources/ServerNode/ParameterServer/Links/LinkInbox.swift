internal import Domain
internal import Logging
internal import Transport

/// The receiving end of one link: messages out of a request's body, each handed over once.
///
/// Bound to the exchange's event loop. The count is shared by all connections of a node's road, and only the newest of
/// them is listened to.
final class LinkInbox: BodyReceiver {
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
        exchange.start(
            status: 200, contentType: "application/octet-stream", headers: [("sluice-life", String(own.life))])
        exchange.write(CountReader.bytes(count))
    }

    func received(_ chunk: Bytes, on exchange: Exchange) {
        exchange.consumed(chunk.readableBytes)
        guard state.withLockedValue({ $0.generation == generation }) else { return exchange.cancel() }
        reader.append(chunk.readableBytesSpan)
        do {
            while let envelope = try reader.next() {
                let confirmed: UInt64? = state.withLockedValue { state in
                    let isDue = state.count.received(confirmEvery: Limits.Group.confirmedMessageCount)
                    return isDue ? state.count.receivedCount : nil
                }
                deliver(envelope)
                if let confirmed { exchange.write(CountReader.bytes(confirmed)) }
            }
        } catch {
            log.error("a message is damaged; the link is opened anew", metadata: ["reason": "\(error)"])
            exchange.cancel()
        }
    }

    func ended(_ exchange: Exchange) { exchange.finish() }
    func cancelled() {}
}
