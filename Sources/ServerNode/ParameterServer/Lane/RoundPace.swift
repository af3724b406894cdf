internal import Configuration
internal import Domain

/// How fast rounds follow each other.
struct RoundPace: Sendable {
    /// Mean time from one round's decision to the next inside a batch, lately; microseconds.
    private(set) var roundMicroseconds = 0.0
    /// Rounds in the last whole second.
    private(set) var roundsPerSecond = 0.0
    private var second: (start: ContinuousClock.Instant, round: UInt64)?
    private var lastRound: UInt64 = 0
    private var lastDecision: ContinuousClock.Instant?

    /// Looks at the clock: also when no round is decided, so that an idle model has none a second.
    mutating func tick(_ round: UInt64) {
        let now = ContinuousClock.now
        // Rounds are counted anew where rows were read from the disk.
        guard let second, second.round <= round else {
            self.second = (now, round)
            return
        }
        let seconds = (now - second.start).seconds
        guard seconds >= 1 else { return }
        roundsPerSecond = Double(round - second.round) / seconds
        self.second = (now, round)
    }

    /// The rounds decided so far, and whether a batch is under way.
    mutating func decided(_ round: UInt64, isInBatch: Bool) {
        guard round != lastRound else { return }
        lastRound = round
        let now = ContinuousClock.now
        if let lastDecision {
            let took = (now - lastDecision).seconds * 1e6
            roundMicroseconds += (took - roundMicroseconds) / (roundMicroseconds == 0 ? 1 : 64)
        }
        // What passes between two batches is waiting for traffic, not for a round.
        lastDecision = isInBatch ? now : nil
    }
}
