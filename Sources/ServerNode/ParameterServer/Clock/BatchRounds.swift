package import Domain
package import Features
package import Learning

/// The clock's side of the rounds over several owners: sums their margins, decides what each round learned, and scores
/// every example before it is learned.
///
/// No I/O: partial margins in, residuals out.
package struct BatchRounds: Sendable {
    package private(set) var validation = Validation()
    /// Rounds decided since the beginning; the number of the one under way.
    package private(set) var round: UInt64 = 0
    package private(set) var rounds: SettledRounds
    private let ownerCount: Int
    private var examples = ExampleBatch()
    private var sums: [Double] = []
    private var heardOwners: UInt64 = 0
    /// Margins of the batch's learned examples. Shape [E] and more.
    private var margins: [Double] = []

    package init(_ settle: ModelSpec.Settle, ownerCount: Int) {
        rounds = SettledRounds(settle)
        self.ownerCount = ownerCount
    }

    /// What owners are told after a round.
    package enum Decision: Equatable, Sendable {
        /// Owners are missing.
        case wait
        /// The next window, or the batch's end where its count is 0.
        case next(Residuals)
        /// The margins are not those of this round: an owner computes otherwise than the others.
        case contradiction(String)
    }

    /// Begins a batch; answers the first window's count, 0 for a batch without examples.
    package mutating func begin(_ batch: ExampleBatch) -> Int {
        examples = batch
        rounds.begin(exampleCount: batch.exampleCount)
        if margins.count < batch.exampleCount {
            margins = Array(repeating: 0, count: max(batch.exampleCount, 2 * margins.count))
        }
        startRound()
        return rounds.window.count
    }

    /// Takes an owner's margins of the window under way.
    package mutating func received(_ partial: [Double], round: UInt64, from owner: Int) -> Decision {
        guard round == self.round, !rounds.window.isEmpty else {
            return .contradiction("margins of round \(round) came in round \(self.round)")
        }
        guard partial.count == rounds.window.count else {
            return .contradiction("\(partial.count) margins for a window of \(rounds.window.count) examples")
        }
        guard heardOwners & (1 << UInt64(owner)) == 0 else { return .contradiction("margins came twice") }
        heardOwners |= 1 << UInt64(owner)
        for k in partial.indices { sums[k] += partial[k] }
        return heardOwners.nonzeroBitCount == ownerCount ? decide() : .wait
    }

    /// Owners whose margins of the round under way are missing.
    package var missingOwners: [Int] {
        rounds.window.isEmpty ? [] : (0..<ownerCount).filter { heardOwners & (1 << UInt64($0)) == 0 }
    }

    /// An epoch begins behind a commit: owners count its rounds from 0.
    package mutating func beginEpoch(behind header: CommitHeader?) {
        (round, heardOwners, examples) = (0, 0, ExampleBatch())
        guard let header else { return rounds.begin(exampleCount: 0) }
        restore(header)
    }

    /// The rows are those of an earlier commit; rounds are counted on.
    package mutating func restore(_ header: CommitHeader) {
        rounds.restore(acceptedLately: Int(header.acceptedLately), windowMax: Int(header.windowMax))
        validation = Validation(total: header.total, window: header.window)
    }

    private mutating func decide() -> Decision {
        let window = rounds.window
        guard let accepted = Self.accepted(&rounds, sums, examples)
        else { return .contradiction("a round over settled examples learned none") }
        for k in 0..<accepted { margins[window.lowerBound + k] = sums[k] }
        let told = Residuals(
            round: round, accepted: accepted, window: rounds.window.count,
            residuals: Array(rounds.residuals[rounds.tried]))
        round += 1
        if rounds.window.isEmpty {
            validation.add(margins: margins, examples, 0..<examples.exampleCount)
            examples = ExampleBatch()
        } else {
            startRound()
        }
        return .next(told)
    }

    /// A function of its own, so that nobody holds the sums while the next round begins to write them.
    private static func accepted(_ rounds: inout SettledRounds, _ sums: [Double], _ examples: ExampleBatch) -> Int? {
        rounds.received(
            margins: sums.span.extracting(first: rounds.window.count), labels: examples.labels.span,
            importances: examples.importances.span)
    }

    private mutating func startRound() {
        heardOwners = 0
        let count = rounds.window.count
        if sums.count < count { sums = Array(repeating: 0, count: Limits.Learning.windowMax) }
        for k in 0..<count { sums[k] = 0 }
    }
}
