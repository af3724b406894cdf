/// The protocol of the server group, small enough to visit every state: two owners, a clock, two intakes, up to three
/// batches of two rounds each; an intake and an owner may crash anywhere, trainers retry by the other intake.
///
/// A message is a step that has not been taken yet, so every delay and order of messages is a path. What is left out on
/// purpose: arithmetic, disks (a commit stands as soon as both owners learned it), bytes (a slice takes one place).
struct SmallModel: Hashable {
    /// What is taken out one at a time, to see what breaks. Numbers are the scenarios of the protocol's design.
    struct Rules: Hashable {
        /// F3: a commit falls on a batch's last round.
        var commitsAtBatchEnds = true
        /// F8: a batch is ordered when every owner has its slice.
        var deliversThenOrders = true
        /// F9: slices are sent when every owner has kept a place for them.
        var grantsPlaces = true
        /// F11: a trainer's batches are ordered in sequence, each is known by its own number.
        var keepsSequence = true
    }

    struct Batch: Hashable {
        var trainer: Int
        var sequence: Int
    }

    /// A round of a batch that an owner learned.
    struct Learned: Hashable {
        var batch: Int
        var round: Int
    }

    /// An intake's hold on a batch.
    enum Hold: Hashable {
        case none, offered, granted
    }

    struct Violation: Error {
        var what: String
    }

    static let roundCount = 2
    static let owners = 0..<2
    static let intakes = 0..<2
    /// Slices an owner has room for.
    static let placeCount = 1

    let rules: Rules
    let batches: [Batch]

    // Intakes: what each holds, and which owner got its slice.
    var holds: [[Hold]]
    // Owners: parked slices and rounds learned; both logs agree up to `committedCount`.
    var parked: [Set<Int>] = [[], []]
    var logs: [[Learned]] = [[], []]
    // The clock: who was granted what, what is ordered and not committed, the next number of each trainer.
    var grantedTo: [Int?]
    var sent: [Set<Int>]
    var ordered: [Int] = []
    var next: [Int]
    // Commits, the same on both owners.
    var committedCount = 0
    var committedBatches: Set<Int> = []
    var committedNext: [Int]
    // Trainers.
    var acknowledged: Set<Int> = []
    var retriesLeft = 1
    var crashesLeft = 2

    init(_ rules: Rules, _ batches: [Batch]) {
        self.rules = rules
        self.batches = batches
        holds = Self.intakes.map { _ in batches.map { _ in .none } }
        grantedTo = batches.map { _ in nil }
        sent = batches.map { _ in [] }
        let trainers = (batches.map(\.trainer).max() ?? 0) + 1
        next = Array(repeating: 0, count: trainers)
        committedNext = next
    }

    // MARK: steps

    /// Every state one step away. `faults` are crashes; the rest is what happens when nothing more goes wrong.
    var successors: (steps: [SmallModel], faults: [SmallModel]) {
        var steps: [SmallModel] = []
        func step(_ change: (inout SmallModel) -> Void) {
            var after = self
            change(&after)
            if after != self { steps.append(after) }
        }
        for b in batches.indices where !acknowledged.contains(b) {
            for i in Self.intakes { step { $0.submit(b, to: i) } }
            for i in Self.intakes where holds[i][b] != .none {
                step { $0.answerOffer(b, of: i) }
                step { $0.acknowledge(b, by: i) }
                for o in Self.owners { step { $0.sendSlice(b, from: i, to: o) } }
            }
            step { $0.order(b) }
        }
        for o in Self.owners { step { $0.learnRound(o) } }
        step { $0.commit() }

        var faults: [SmallModel] = []
        if crashesLeft > 0 {
            for i in Self.intakes where holds[i].contains(where: { $0 != .none }) {
                var after = self
                after.crashIntake(i)
                faults.append(after)
            }
            var after = self
            after.crashOwner()
            faults.append(after)
        }
        return (steps, faults)
    }

    /// A trainer posts, all its batches at once; again when the intake that had it is gone, and once out of impatience.
    private mutating func submit(_ b: Int, to i: Int) {
        guard holds[i][b] == .none else { return }
        if holds.contains(where: { $0[b] != .none }) {
            guard retriesLeft > 0 else { return }
            retriesLeft -= 1
        }
        holds[i][b] = .offered
    }

    private mutating func answerOffer(_ b: Int, of i: Int) {
        guard holds[i][b] == .offered else { return }
        if isKnown(b) {
            acknowledged.insert(b)
            holds[i][b] = .none
        } else if grantedTo[b] == nil, !ordered.contains(b), isInTurn(b), hasPlace {
            grantedTo[b] = i
            holds[i][b] = .granted
        }
    }

    /// What the clock calls a duplicate: committed, and never lost again.
    private func isKnown(_ b: Int) -> Bool {
        if rules.keepsSequence { return committedBatches.contains(b) }
        return batches[b].sequence < committedNext[batches[b].trainer]
    }

    private func isInTurn(_ b: Int) -> Bool {
        let number = next[batches[b].trainer]
        return rules.keepsSequence ? batches[b].sequence == number : batches[b].sequence >= number
    }

    /// Granted slices must always find room: those of granted and of ordered batches count.
    private var hasPlace: Bool {
        !rules.grantsPlaces || grantedTo.count(where: { $0 != nil }) + ordered.count < Self.placeCount
    }

    private mutating func sendSlice(_ b: Int, from i: Int, to o: Int) {
        guard holds[i][b] == .granted, !sent[b].contains(o), parked[o].count < Self.placeCount else { return }
        sent[b].insert(o)
        parked[o].insert(b)
    }

    private mutating func order(_ b: Int) {
        guard grantedTo[b] != nil, isInTurn(b) else { return }
        if rules.deliversThenOrders {
            guard Self.owners.allSatisfy({ parked[$0].contains(b) }) else { return }
        }
        grantedTo[b] = nil
        ordered.append(b)
        next[batches[b].trainer] = batches[b].sequence + 1
    }

    /// A round needs the margins of both: an owner is never more than one ahead.
    private mutating func learnRound(_ o: Int) {
        guard let b = ordered.first, Self.owners.allSatisfy({ parked[$0].contains(b) }) else { return }
        let done = logs.map { $0[committedCount...].count(where: { $0.batch == b }) + learnedBefore(b) }
        guard done[o] < Self.roundCount, done[1 - o] >= done[o] else { return }
        logs[o].append(Learned(batch: b, round: done[o]))
    }

    /// Rounds of the first ordered batch that are in a commit already: none, unless commits fall inside batches.
    private func learnedBefore(_ b: Int) -> Int {
        rules.commitsAtBatchEnds ? 0 : halfCommitted == b ? 1 : 0
    }
    private var halfCommitted: Int?

    private mutating func commit() {
        guard let b = ordered.first, logs[0].count == logs[1].count else { return }
        let rounds = logs[0][committedCount...].count + learnedBefore(b)
        if rounds == Self.roundCount {
            committedCount = logs[0].count
            committedBatches.insert(b)
            committedNext[batches[b].trainer] = max(committedNext[batches[b].trainer], batches[b].sequence + 1)
            ordered.removeFirst()
            halfCommitted = nil
            for o in Self.owners { parked[o].remove(b) }
        } else if rounds > 0 && !rules.commitsAtBatchEnds && halfCommitted != b {
            committedCount = logs[0].count
            halfCommitted = b
        }
    }

    private mutating func acknowledge(_ b: Int, by i: Int) {
        guard committedBatches.contains(b) else { return }
        acknowledged.insert(b)
        holds[i][b] = .none
    }

    // MARK: faults

    /// All that an intake held is gone. The clock drops what it was granted and has not ordered.
    private mutating func crashIntake(_ i: Int) {
        crashesLeft -= 1
        for b in batches.indices {
            holds[i][b] = .none
            guard grantedTo[b] == i else { continue }
            grantedTo[b] = nil
            sent[b] = []
            for o in Self.owners { parked[o].remove(b) }
        }
    }

    /// An owner comes back with its commits. A new epoch: all go back to the last commit, intakes offer again.
    private mutating func crashOwner() {
        crashesLeft -= 1
        logs = logs.map { Array($0[..<committedCount]) }
        parked = [[], []]
        ordered = []
        halfCommitted = nil
        next = committedNext
        grantedTo = batches.map { _ in nil }
        sent = batches.map { _ in [] }
        holds = holds.map { $0.map { $0 == .none ? .none : .offered } }
    }

    // MARK: what must hold

    /// In every state: no round twice, both owners the same order, what is acknowledged is in a commit, whole.
    func check() throws(Violation) {
        guard logs[0][..<committedCount] == logs[1][..<committedCount] else {
            throw Violation(what: "two owners committed different rounds")
        }
        for log in logs where Set(log).count != log.count { throw Violation(what: "a round was learned twice") }
        let committed = logs[0][..<committedCount]
        for b in acknowledged {
            let rounds = committed.filter { $0.batch == b }.map(\.round)
            guard rounds == Array(0..<Self.roundCount) else {
                throw Violation(what: "batch \(b) was acknowledged and is not learned")
            }
        }
        for trainer in next.indices {
            let sequences = committed.filter { batches[$0.batch].trainer == trainer }.map { batches[$0.batch].sequence }
            guard sequences == sequences.sorted() else {
                throw Violation(what: "a trainer's batches were learned out of sequence")
            }
        }
    }

    /// Where no step is left: everything that was sent is acknowledged.
    func checkEnd() throws(Violation) {
        guard acknowledged.count == batches.count else {
            throw Violation(what: "nothing moves and \(batches.count - acknowledged.count) batches wait")
        }
    }
}
