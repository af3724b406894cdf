internal import Domain

/// How fast rounds follow each other.
struct RoundPace: Sendable {
    /// Mean time from one round's decision to the next inside a batch, lately; microseconds.
    private(set) var roundMicroseconds = 0.0
    private var lastRound: UInt64 = 0
    private var lastDecision: ContinuousClock.Instant?

    /// The rounds decided so far, and whether a batch is under way.
    mutating func decided(_ round: UInt64, isInBatch: Bool) {
        guard round != lastRound else { return }
        lastRound = round
        let now = ContinuousClock.now
        if let lastDecision {
            let (seconds, attoseconds) = (now - lastDecision).components
            let took = Double(seconds) * 1e6 + Double(attoseconds) * 1e-12
            roundMicroseconds += (took - roundMicroseconds) / (roundMicroseconds == 0 ? 1 : 64)
        }
        // What passes between two batches is waiting for traffic, not for a round.
        lastDecision = isInBatch ? now : nil
    }
}
