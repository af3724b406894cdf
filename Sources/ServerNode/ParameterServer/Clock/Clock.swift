package import Domain

/// The one place that orders a model's batches: grants them places, orders what every owner has, counts commits, says
/// what is stable and what became of each batch.
///
/// No rows, no I/O, no time of its own: what happened comes in, `effects` is what to do about it. What the rounds of a
/// batch compute is `BatchRounds`'s.
///
///     offered ─▶ waiting ─grant─▶ granted ─arrived at all owners─▶ ready ─order─▶ current ─learned─▶ commit ─▶ stable
package struct Clock: Sendable {
    package enum Effect: Equatable, Sendable {
        /// Every owner keeps a place for the batch: its intake may send the slices.
        case grant(BatchID)
        /// Owners forget the batch's slice.
        case drop(BatchID)
        /// The batch is learned next.
        case order(BatchID)
        /// The batch is over; the same header goes to every owner.
        case commit(CommitHeader)
        /// Every owner learned the commit and those before it.
        case stable(UInt64)
        /// The batch's intake tells its trainer.
        case answer(BatchID, BatchOutcome)
    }

    /// What to do, in this order. The caller takes them out.
    package var effects: [Effect] = []
    package internal(set) var marks = TrainerMarks()
    /// Of the last commit.
    package internal(set) var version = Version.zero
    package internal(set) var number: UInt64 = 0
    package internal(set) var hash: UInt64 = 0
    /// The highest commit that all owners learned, and its version.
    package internal(set) var stableNumber: UInt64 = 0
    package internal(set) var stableVersion = Version.zero
    /// The batch whose rounds are under way.
    package internal(set) var current: BatchID?

    enum State { case waiting, granted, ready, ordered }
    struct Batch {
        var offer: BatchOffer
        var state = State.waiting
        var arrivedOwners: UInt64 = 0
        /// A batch that still waits then is answered.
        var deadlineMilliseconds: UInt64
    }
    /// A trainer's batches under way, by number.
    struct Turns {
        var batches: [UInt64: BatchID] = [:]
        /// The first number that is not granted, and the first that is not ordered.
        var nextGranted: UInt64
        var nextOrdered: UInt64
    }
    struct Body: Hashable {
        var node: Int
        var number: UInt64
    }

    let history: History
    let fingerprint: Fingerprint
    let ownerCount: Int
    var batches: [BatchID: Batch] = [:]
    var turns: [ModelName: Turns] = [:]
    /// Batches without a grant, in the order they came.
    var waiting: [BatchID] = []
    /// Batches whose number another batch holds, or that were learned and are not stable: they wait for what becomes of it.
    var retries: [BatchID] = []
    var ready: [BatchID] = []
    var grantedByteCounts: [Int: Int] = [:]
    var unstable: [(number: UInt64, hash: UInt64, version: Version, batch: BatchID)] = []
    var durableNumbers: [UInt64]
    /// The last bodies of which a batch was not taken: none behind it is.
    var overBodies: [Body] = []

    package init(history: History, fingerprint: Fingerprint, ownerCount: Int) {
        self.history = history
        self.fingerprint = fingerprint
        self.ownerCount = ownerCount
        durableNumbers = Array(repeating: 0, count: ownerCount)
    }

    // MARK: what happened

    /// An intake has a batch.
    package mutating func offered(_ offer: BatchOffer, atMilliseconds now: UInt64) {
        let body = Body(node: offer.batch.node, number: offer.body)
        guard batches[offer.batch] == nil else { return }
        guard !overBodies.contains(body) else { return refuse(offer, Self.behindRefused) }
        guard let name = offer.name else { return wait(offer, now) }
        switch marks.offered(by: name.trainer, name.sequence, digest: name.digest, atMilliseconds: now) {
        case .duplicate(let version):
            guard version > stableVersion else { return answer(offer, .duplicate(version, history)) }
            retry(offer, now)
        case .gap: answer(offer, .gap(next: expected(of: name.trainer)))
        case .conflict: answer(offer, .conflict)
        case .tooManyTrainers:
            refuse(offer, "the model remembers \(Limits.Training.trainerCountMax) trainers already")
        case .next, .early:
            guard let holder = turns[name.trainer]?.batches[name.sequence] else { return wait(offer, now) }
            // The one that waits without a place gives way to its retry; one that has a place is waited for.
            guard batches[holder]?.state == .waiting else { return retry(offer, now) }
            forget(holder)
            wait(offer, now)
            effects.append(.answer(holder, .gap(next: expected(of: name.trainer))))
        }
    }

    /// An owner has its slice of the batch.
    package mutating func arrived(_ batch: BatchID, at owner: Int) {
        guard batches[batch]?.state == .granted else {
            if batches[batch] == nil { effects.append(.drop(batch)) }
            return
        }
        batches[batch]?.arrivedOwners |= 1 << UInt64(owner)
        makeReady(batch)
    }

    /// The current batch's last round is over.
    ///
    /// - Parameters:
    ///   - acceptedLately, windowMax: the rounds' state behind the batch, for the header.
    ///   - now: milliseconds since 1970, for forgetting trainers.
    package mutating func learned(acceptedLately: Int, windowMax: Int, atMilliseconds now: UInt64) {
        guard let current, let offer = batches[current]?.offer else { preconditionFailure("a batch is ordered") }
        number += 1
        version = version + offer.examples.exampleCount
        let header = CommitHeader(
            history: history, number: number, previousHash: hash, stableNumber: stableNumber, version: version,
            exampleCount: version.rawValue, acceptedLately: UInt64(acceptedLately), windowMax: UInt32(windowMax),
            fingerprint: fingerprint,
            batches: [CommitHeader.Batch(name: offer.name, exampleCount: offer.examples.exampleCount)])
        hash = header.hash
        if let name = offer.name {
            marks.ordered(by: name.trainer, digest: name.digest, version: version, atMilliseconds: now)
            finishTurn(of: name)
        }
        unstable.append((number, hash, version, current))
        self.current = nil
        effects.append(.commit(header))
    }

    /// An owner learned the commit and everything before it.
    ///
    /// - Returns: whether it learned the same: false when the hash is another's.
    package mutating func durable(_ number: UInt64, hash: UInt64, at owner: Int, atMilliseconds now: UInt64) -> Bool {
        guard let commit = unstable.first(where: { $0.number == number }) else {
            return number <= self.stableNumber
        }
        guard commit.hash == hash else { return false }
        durableNumbers[owner] = max(durableNumbers[owner], number)
        let stable = durableNumbers.reduce(.max) { min($0, $1) }
        guard stable > stableNumber else { return true }
        stableNumber = stable
        effects.append(.stable(stable))
        while let first = unstable.first, first.number <= stable {
            unstable.removeFirst()
            stableVersion = first.version
            batches[first.batch] = nil
            effects.append(.answer(first.batch, .learned(first.version, history)))
        }
        if !retries.isEmpty { offerRetriesAgain(now) }
        return true
    }

    /// An intake has given a batch up.
    package mutating func withdrawn(_ batch: BatchID) {
        guard let state = batches[batch]?.state, state != .ordered else { return }
        drop(batch)
        grantWhatFits()
    }

    /// A node lives anew: what its intake had is gone with it, except what is ordered.
    package mutating func lostIntake(_ node: Int) {
        let lost = batches.filter { $0.key.node == node && $0.value.state != .ordered }.keys
        // By number, so that a seed is one run.
        for batch in lost.sorted(by: { $0.number < $1.number }) { drop(batch) }
        overBodies.removeAll { $0.node == node }
        grantWhatFits()
    }

    /// Answers batches that waited long enough.
    package mutating func expire(atMilliseconds now: UInt64) {
        for batch in waiting {
            guard let offer = batches[batch]?.offer, batches[batch]!.deadlineMilliseconds <= now else { continue }
            forget(batch)
            if let name = offer.name, name.sequence != expected(of: name.trainer) {
                answer(offer, .gap(next: expected(of: name.trainer)))
            } else {
                refuse(offer, Self.busy)
            }
        }
        replaceStalled(now)
    }

    /// Whether something waits that `expire` may have to answer.
    package var isWaiting: Bool { !waiting.isEmpty || !retries.isEmpty }

    /// Orders the next batch, when none is under way and commits have become stable.
    package mutating func orderNext() {
        guard current == nil, unstable.count < Limits.Group.unstableCommitCountMax, let batch = ready.first else {
            return
        }
        ready.removeFirst()
        guard let offer = batches[batch]?.offer else { preconditionFailure("a batch that is ready is known") }
        batches[batch]?.state = .ordered
        current = batch
        release(offer)
        effects.append(.order(batch))
        if let name = offer.name {
            turns[name.trainer]?.nextOrdered = name.sequence + 1
            if let next = turns[name.trainer]?.batches[name.sequence + 1] { makeReady(next) }
        }
        grantWhatFits()
    }

    // MARK: what is known

    package func offer(_ batch: BatchID) -> BatchOffer? { batches[batch]?.offer }

    /// Whether a batch waits for a place.
    package func isWithoutGrant(_ batch: BatchID) -> Bool { batches[batch]?.state == .waiting }

    /// Bytes of text of the batches that owners keep places for.
    package var grantedByteCount: Int { grantedByteCounts.values.reduce(0, +) }

    /// The number expected of a trainer: the first that is neither learned nor under way.
    package func expected(of trainer: ModelName) -> UInt64 { turns[trainer]?.nextGranted ?? marks.next(of: trainer) }

    /// What the model waits for, in words for an operator, or nil while it waits for nothing but the next batch.
    package func waitsFor(_ names: [String]) -> String? {
        if let first = unstable.first, current == nil {
            let late = names.indices.filter { durableNumbers[$0] < first.number }.map { names[$0] }
            return late.isEmpty ? nil : "commit \(first.number) at \(late.joined(separator: ", "))"
        }
        guard current == nil, let batch = batches.first(where: { $0.value.state == .granted }) else { return nil }
        let late = names.indices.filter { batch.value.arrivedOwners & 1 << UInt64($0) == 0 }.map { names[$0] }
        return late.isEmpty ? nil : "a slice of a batch at \(late.joined(separator: ", "))"
    }
}
