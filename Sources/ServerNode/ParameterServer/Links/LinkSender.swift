/// The sending end of a link to another node: messages in order, kept until the other end has confirmed them.
///
/// A lost connection to a living node loses nothing: the next one begins with what was not confirmed. A node that lives
/// anew gets nothing that was meant for its earlier life. No I/O.
package struct LinkSender<Message: Sendable>: Sendable {
    /// Not confirmed; the first has the number `confirmedCount`.
    package private(set) var messages: [Message] = []
    private var confirmedCount: UInt64 = 0
    /// Which life of the other node this is for; nil before it was met.
    package private(set) var peerLife: UInt64?

    package init() {}

    package var unconfirmedCount: Int { messages.count }

    package mutating func append(_ message: Message) { messages.append(message) }

    /// The other node lives anew: what its earlier life was sent is void.
    package mutating func begin(life: UInt64) {
        guard peerLife.map({ $0 < life }) ?? true else { return }
        // Before the first meeting whatever waits is for whoever answers.
        if peerLife != nil { messages = [] }
        peerLife = life
        confirmedCount = 0
    }

    /// A connection stands, and the other end has had `receivedCount` messages of this life of ours.
    ///
    /// - Returns: what to send again and anew, in order; nil when the count cannot be.
    package mutating func connected(life: UInt64, receivedCount: UInt64) -> [Message]? {
        begin(life: life)
        guard peerLife == life else { return nil }
        return confirmed(receivedCount) ? messages : nil
    }

    /// - Returns: false when the other end confirms what was never sent.
    package mutating func confirmed(_ count: UInt64) -> Bool {
        guard count >= confirmedCount, count - confirmedCount <= UInt64(messages.count) else { return false }
        messages.removeFirst(Int(count - confirmedCount))
        confirmedCount = count
        return true
    }
}

/// The receiving end of a link: how many messages of the sender's life came in.
package struct LinkCount: Sendable, Equatable {
    package private(set) var senderLife: UInt64 = 0
    package private(set) var receivedCount: UInt64 = 0

    package init() {}

    /// A connection of the sender begins. Answers what it must send from.
    package mutating func connected(life: UInt64) -> UInt64 {
        if life > senderLife { (senderLife, receivedCount) = (life, 0) }
        return receivedCount
    }

    /// A message was taken.
    package mutating func received() { receivedCount += 1 }
}
