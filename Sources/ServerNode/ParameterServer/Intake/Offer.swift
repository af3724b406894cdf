package import Domain
package import Features
internal import Transport

/// A batch, parsed and whole, on its way from an intake to the clock.
package struct Offer: Sendable {
    /// The trainer's name and the batch's number; nil for posts that are learned at least once.
    package struct Name: Sendable, Equatable {
        package var trainer: ModelName
        package var sequence: UInt64
        /// Of the raw bytes of the batch's lines.
        package var digest: UInt64

        package init(trainer: ModelName, sequence: UInt64, digest: UInt64) {
            self.trainer = trainer
            self.sequence = sequence
            self.digest = digest
        }
    }

    package var name: Name?
    /// The body it came in: once a batch of it is not taken, none behind it is: an answer's last line is the last word.
    package var body: OfferedBody
    package var batch: ExampleBatch
    /// More of the body was here already when the batch was cut: its trainer sends on without waiting.
    package var isFollowed = false
    /// Bytes of text that the batch was made from: what it holds back while it waits.
    package var byteCount: Int
    /// The lane answers after this time that it was too busy.
    package var refusedAfter: ContinuousClock.Instant
    /// Called once, on the lane's thread. Gives the batch back, so that its memory serves again.
    package var answer: @Sendable (BatchOutcome, ExampleBatch) -> Void

    package init(
        name: Name?, body: OfferedBody = OfferedBody(), batch: ExampleBatch, byteCount: Int,
        isFollowed: Bool = false, refusedAfter: ContinuousClock.Instant,
        answer: @escaping @Sendable (BatchOutcome, ExampleBatch) -> Void
    ) {
        self.name = name
        self.body = body
        self.batch = batch
        self.byteCount = byteCount
        self.isFollowed = isFollowed
        self.refusedAfter = refusedAfter
        self.answer = answer
    }
}

/// What the batches of one body share.
package final class OfferedBody: Sendable {
    /// A batch of the body was refused, or did not fit its trainer's sequence.
    package let isOver = Locked(false)
    /// Tells the node's bodies apart.
    package let number: UInt64

    private static let count = Locked<UInt64>(0)

    package init() {
        number = Self.count.withLockedValue { count in
            count += 1
            return count
        }
    }
}

/// What became of a batch.
package enum BatchOutcome: Equatable, Sendable {
    /// All its good lines are learned, durable as the model's durability says, and `version` contains them.
    case learned(Version, History)
    case duplicate(Version, History)
    case gap(next: UInt64)
    case conflict
    /// Not learned; try again after some seconds.
    case refused(String)
}
