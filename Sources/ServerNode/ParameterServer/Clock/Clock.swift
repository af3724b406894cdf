package import Domain

/// The one place that orders a model's batches: grants them places, orders what every owner has, counts commits, says
/// what is stable and what became of each batch.
///
/// No rows, no I/O, no time of its own: what happened comes in, `effects` is what to do about it. What the rounds of a
/// batch compute is `BatchRounds`'s.
///
///     offered ─▶ waiting ─grant─▶ granted ─arrived at all owners─▶ ready ─order─▶ current ─learned─▶ commit ─▶ stable
///
/// A commit is marked at a batch's end when nothing more waits to be learned, or some milliseconds after the last one: so
/// a disk that takes its time is asked for fewer, larger writes.
package struct Clock: Sendable {
    package enum Effect: Equatable, Sendable {
        /// Every owner keeps a place for the batch: its intake may send the slices.
        case grant(BatchID)
        /// Owners forget the batch's slice.
        case drop(BatchID)
        /// The batch is learned next.
        case order(BatchID)
        /// Some batches are over; the same header goes to every owner.
        case commit(CommitHeader)
        /// The commit and those before it are durable at every owner.
        case stable(UInt64)
        /// The batch's intake tells its trainer.
        case answer(BatchID, BatchOutcome)
    }

    /// What to do, in this order. The caller takes them out.
    package var effects: [Effect] = []
    package internal(set) var marks = TrainerMarks()
    /// Behind the batch learned last.
    package internal(set) var position = Version.zero
    /// Examples that the weights have learned: what a snapshot takes back.
    package internal(set) var exampleCount: UInt64 = 0
    /// Nothing is taken, and why.
    package internal(set) var frozenReason: String?
    /// Batches of a tape are taken, and no others: the model un-learns.
    var takesReplays = false
    /// Of the last commit.
    package internal(set) var version = Version.zero
    package internal(set) var number: UInt64 = 0
    package internal(set) var hash: UInt64 = 0
    /// The highest commit that is durable at all owners, and its version.
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

    /// Milliseconds since 1970, as the member knew them last: trainers are forgotten by it.
    package var wallMilliseconds: UInt64 = 0

    let history: History
    let fingerprint: Fingerprint
    let ownerCount: Int
    /// How long batches are learned before a commit is marked though more wait.
    let commitMilliseconds: UInt64
    var batches: [BatchID: Batch] = [:]
    var turns: [ModelName: Turns] = [:]
    /// Batches without a grant, in the order they came.
    var waiting: [BatchID] = []
    /// Batches whose number another batch holds, or that were learned and are not stable: they wait for what becomes of it.
    var retries: [BatchID] = []
    var ready: [BatchID] = []
    var grantedByteCounts: [Int: Int] = [:]
    /// Batches learned since the last commit, and their versions.
    var uncommitted: [(batch: CommitHeader.Batch, version: Version)] = []
    /// Whether more came behind the batch learned last: its trainer does not wait for answers.
    private var isFollowed = false
    private var uncommittedFeatureCount = 0
    private var lastCommitMilliseconds: UInt64 = 0
    var unstable:
        [(number: UInt64, hash: UInt64, version: Version, batches: [(batch: CommitHeader.Batch, version: Version)])] =
            []
    private var replayed: [[(id: BatchID, version: Version)]] = []
    /// Of the last commits before an epoch: batches whose intakes may offer them again.
    var learnedBefore: [BatchID: Version] = [:]
    var durableNumbers: [UInt64]
    /// The last bodies of which a batch was not taken: none behind it is.
    var overBodies: [Body] = []

    package init(history: History, fingerprint: Fingerprint, ownerCount: Int, commitMilliseconds: UInt64 = 0) {
        self.history = history
        self.commitMilliseconds = commitMilliseconds
        self.fingerprint = fingerprint
        self.ownerCount = ownerCount
        durableNumbers = Array(repeating: 0, count: ownerCount)
    }

    // MARK: what happened

    /// An intake has a batch.
    package mutating func offered(_ offer: BatchOffer, atMilliseconds now: UInt64) {
        let body = Body(node: offer.batch.node, number: offer.body)
        guard batches[offer.batch] == nil else { return }
        if let version = learnedBefore[offer.batch] { return answer(offer, .learned(version, history)) }
        guard !overBodies.contains(body) else { return refuse(offer, Self.behindRefused) }
        guard let name = offer.name else { return wait(offer, now) }
        switch marks.offered(by: name.trainer, name.sequence, digest: name.digest, atMilliseconds: wallMilliseconds) {
        case .duplicate(let version):
            guard isUnstable(name) else { return answer(offer, .duplicate(version, history)) }
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
    /// - Parameter now: milliseconds since 1970, for forgetting trainers.
    package mutating func learned(atMilliseconds now: UInt64) {
        guard let current, let offer = batches[current]?.offer else { preconditionFailure("a batch is ordered") }
        position = position + offer.examples.exampleCount
        exampleCount += UInt64(offer.examples.exampleCount)
        uncommittedFeatureCount += offer.featureCount
        if let name = offer.name {
            marks.ordered(by: name.trainer, digest: name.digest, version: position, atMilliseconds: now)
            finishTurn(of: name)
        }
        let batch = CommitHeader.Batch(id: current, name: offer.name, exampleCount: offer.examples.exampleCount)
        uncommitted.append((batch, position))
        isFollowed = offer.isFollowed
        self.current = nil
    }

    /// Whether a batch that was learned is not durable everywhere. Its version does not tell: a batch may have no example.
    func isUnstable(_ name: Offer.Name) -> Bool {
        uncommitted.contains { $0.batch.name == name }
            || unstable.contains { $0.batches.contains { $0.batch.name == name } }
    }

    /// Whether batches are learned and not committed.
    package var isBetweenCommits: Bool { current != nil || !uncommitted.isEmpty }

    /// Commits that some owner's disk has not.
    package var unstableCount: Int { unstable.count }

    /// Whether a commit is to be marked now, between two batches.
    ///
    /// - Parameter isWanted: something waits for a commit, such as a publish.
    package func mustCommit(isWanted: Bool, atMilliseconds now: UInt64) -> Bool {
        guard current == nil, !uncommitted.isEmpty, unstable.count < Limits.Group.unstableCommitCountMax else {
            return false
        }
        let since = now - min(now, lastCommitMilliseconds)
        // While the last commit is on its way to the disks the next one grows; so it does for a trainer that sends on.
        let isNatural = unstable.isEmpty && ready.isEmpty && (!isFollowed || since >= commitMilliseconds)
        return isNatural || isWanted || since >= commitMillisecondsMax
            || uncommittedFeatureCount >= Limits.Journal.commitFeatureCountMax
    }

    /// When a commit is due though nothing else happens; nil where something else comes first.
    package var commitDueMilliseconds: UInt64? {
        guard current == nil, !uncommitted.isEmpty, unstable.count < Limits.Group.unstableCommitCountMax else {
            return nil
        }
        return lastCommitMilliseconds + (unstable.isEmpty ? commitMilliseconds : commitMillisecondsMax)
    }

    private var commitMillisecondsMax: UInt64 { 2 * commitMilliseconds }

    /// Marks a commit; `header` says of it what the clock does not know. One that an operator commanded has no batches.
    package mutating func commit(_ header: CommitHeader, atMilliseconds now: UInt64) {
        number += 1
        var header = header
        if header.republishes {
            precondition(uncommitted.isEmpty, "a command is a commit of its own")
            position = position + 1
            header.publishedVersion = position
        }
        if header.restores > 0 { exampleCount = header.exampleCount }
        version = position
        (header.number, header.previousHash, header.stableNumber) = (number, hash, stableNumber)
        (header.version, header.exampleCount) = (version, exampleCount)
        header.batches = uncommitted.map(\.batch)
        hash = header.hash
        unstable.append((number, hash, version, uncommitted))
        uncommitted = []
        uncommittedFeatureCount = 0
        lastCommitMilliseconds = now
        effects.append(.commit(header))
    }

    /// The commit and everything before it are durable at an owner.
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
            for (batch, version) in first.batches {
                batches[batch.id] = nil
                effects.append(.answer(batch.id, .learned(version, history)))
            }
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
    package mutating func orderNext(atMilliseconds now: UInt64) {
        guard current == nil, let batch = ready.first, !isHeldBack(now) else { return }
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

    /// Whether what is learned and not committed is as much as may be: the disks are late.
    private func isHeldBack(_ now: UInt64) -> Bool {
        guard unstable.count >= Limits.Group.unstableCommitCountMax, !uncommitted.isEmpty else { return false }
        return uncommittedFeatureCount >= Limits.Journal.commitFeatureCountMax
            || now >= lastCommitMilliseconds + commitMillisecondsMax
    }

    // MARK: epochs

    /// A commit that was marked in an earlier life: what a restarted clock knows of the log.
    package mutating func replay(_ header: CommitHeader) {
        var version = self.version
        // As many commits as may have been decided and not told to the intakes.
        if replayed.count > Limits.Group.unstableCommitCountMax { replayed.removeFirst() }
        replayed.append([])
        for batch in header.batches {
            version = version + batch.exampleCount
            replayed[replayed.count - 1].append((batch.id, version))
            guard let name = batch.name else { continue }
            marks.ordered(
                by: name.trainer, digest: name.digest, version: version, atMilliseconds: header.atMilliseconds)
        }
        stand(at: header)
    }

    private mutating func stand(at header: CommitHeader) {
        (number, hash, version, position) = (header.number, header.hash, header.version, header.version)
        exampleCount = header.exampleCount
        frozenReason = header.standing.isFrozen ? Self.frozen : nil
    }

    /// A snapshot is the log up to its commit.
    mutating func restore(_ footer: SnapshotFooter) {
        let header = footer.header
        marks = footer.marks
        stand(at: header)
        replayed = []
        // Its own batches, as any commit's.
        var version = Version(header.version.rawValue - header.batches.reduce(0) { $0 + UInt64($1.exampleCount) })
        replayed.append([])
        for batch in header.batches {
            version = version + batch.exampleCount
            replayed[0].append((batch.id, version))
        }
    }

    /// An epoch begins behind the last commit, which every owner holds: whoever waits for it is answered, and whatever was
    /// under way is offered again.
    package mutating func beginEpoch() {
        precondition(!isBetweenCommits, "an epoch begins at a commit")
        // What was decided since the last epoch ended is of batches that are offered again.
        effects = []
        // Intakes offer again whatever had no answer when they heard of the epoch.
        for (id, version) in replayed.joined() { learnedBefore[id] = version }
        for (batch, version) in unstable.flatMap(\.batches) {
            effects.append(.answer(batch.id, .learned(version, history)))
            learnedBefore[batch.id] = version
        }
        (stableNumber, stableVersion) = (number, version)
        durableNumbers = Array(repeating: number, count: ownerCount)
        (unstable, batches, turns, waiting, retries, ready) = ([], [:], [:], [], [], [])
        (grantedByteCounts, overBodies) = ([:], [])
        replayed = []
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
            return late.isEmpty ? nil : "fsync of commit \(first.number) at \(late.joined(separator: ", "))"
        }
        guard current == nil, let batch = batches.first(where: { $0.value.state == .granted }) else { return nil }
        let late = names.indices.filter { batch.value.arrivedOwners & 1 << UInt64($0) == 0 }.map { names[$0] }
        return late.isEmpty ? nil : "a slice of a batch at \(late.joined(separator: ", "))"
    }
}
