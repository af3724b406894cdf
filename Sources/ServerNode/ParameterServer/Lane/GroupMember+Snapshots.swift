internal import Domain
internal import Format

/// Snapshots: every owner writes its rows out, as they are at one commit.
///
///     clock  due ─ takeSnapshot ─▶ all owners have taken their last chunk ─ at the next commit: endSnapshot ─▶
///     owner  chunks between rounds, and the rows of every commit ─▶ taken ─▶ footer ─ commit stable ─▶ kept
///
/// Nothing waits for it. A new epoch voids what is under way.
extension GroupMember {
    /// What a clock knows of the model's snapshots.
    struct SnapshotPlan {
        /// The commit of the last one, or of this node's beginning; when it was begun, and bytes journaled since.
        var number: UInt64 = 0
        var beganAt: UInt64 = 0
        var byteCount = 0
        /// Owners that have taken their last chunk; nil while none is under way.
        var taken: Set<Int>?
        /// Somebody waits for one of the next commit.
        var isWanted = false
        /// Marks as of the commit that the snapshot ends at.
        var marks = TrainerMarks()
    }

    /// The longest time between two, and the most that may be journaled.
    private var isSnapshotDue: Bool {
        guard journals, let clock, snapshotPlan.taken == nil, command == nil, clock.number > snapshotPlan.number else {
            return false
        }
        let rowByteCount = spec.indexCount / identity.owners.count * 4 * spec.learner.rowFloatCount
        return snapshotPlan.byteCount >= max(Limits.Snapshot.journalByteCount, 2 * rowByteCount)
            || lastTick >= snapshotPlan.beganAt + snapshotMilliseconds
    }

    /// The clock: begins a snapshot that is due.
    mutating func beginSnapshotIfDue(_ now: Now) {
        guard isSnapshotDue else { return }
        beginSnapshot(now)
    }

    /// The clock: begins a snapshot, unless one is under way or nothing was learned since the last.
    package mutating func beginSnapshot(_ now: Now) {
        guard journals, phase == .open, snapshotPlan.taken == nil, !isRestoring, clock!.number > snapshotPlan.number
        else { return }
        (snapshotPlan.taken, snapshotPlan.beganAt, snapshotPlan.isWanted) = ([], now.uptime, false)
        toOwners(.takeSnapshot)
        if whole != nil { outputs.append(.beginSnapshot) }
    }

    /// The clock: the same, where batches are learned and not committed at the next commit.
    ///
    /// - Returns: whether one is under way or will be; false when nothing was learned since the last.
    /// - Throws: why there can be none now.
    package mutating func takeSnapshotSoon(_ now: Now) throws(CommandFailure) -> Bool {
        guard journals else { throw CommandFailure(.refused, "its node keeps no snapshots") }
        if case .closed(let reason) = phase { throw CommandFailure(.refused, "the model is closed: \(reason)") }
        guard phase == .open, let clock else {
            throw CommandFailure(.unavailable, "the model is not open: \(waitsFor ?? "its owners gather")")
        }
        guard !isRestoring else { throw CommandFailure(.unavailable, "the rows of a snapshot are being read") }
        snapshotPlan.isWanted = clock.isBetweenCommits && snapshotPlan.taken == nil
        beginSnapshot(now)
        work(now)
        return snapshotPlan.taken != nil || snapshotPlan.isWanted || endedSnapshot != nil
    }

    /// The commit that everything learned so far is in.
    package var nextCommitNumber: UInt64 {
        guard let clock else { return 0 }
        return clock.isBetweenCommits ? clock.number + 1 : clock.number
    }

    /// This owner has taken its last chunk.
    package mutating func snapshotTaken(_ now: Now) { tell(.snapshotTaken, now) }

    mutating func heardSnapshotTaken(from owner: Int) { snapshotPlan.taken?.insert(owner) }

    /// Whether every owner waits for the commit that the snapshot ends at.
    var isSnapshotEndWanted: Bool { snapshotPlan.taken?.count == identity.owners.count }

    /// The clock, between two batches and behind a commit: the snapshot ends here.
    mutating func endSnapshotIfWanted(_ now: Now) {
        guard isSnapshotEndWanted, !clock!.isBetweenCommits else { return }
        snapshotPlan.taken = nil
        (snapshotPlan.number, snapshotPlan.byteCount) = (clock!.number, 0)
        snapshotPlan.marks = clock!.marks
        toOwners(.endSnapshot(number: clock!.number))
        if whole != nil { endSnapshot(clock!.number) }
    }

    /// This owner's snapshot is complete at the last commit.
    mutating func endSnapshot(_ number: UInt64) {
        guard let header = lastHeader, header.number == number else { return }
        let marks = isClock ? snapshotPlan.marks : TrainerMarks()
        snapshotPlan.marks = TrainerMarks()
        endedSnapshot = number
        outputs.append(.endSnapshot(SnapshotFooter(header: header, clampedCount: ownClampedCount, marks: marks)))
        keepSnapshotIfStable()
    }

    /// A snapshot counts when its commit is durable everywhere.
    mutating func keepSnapshotIfStable() {
        guard let number = endedSnapshot, number <= stableNumber else { return }
        endedSnapshot = nil
        outputs.append(.keepSnapshot)
    }

    /// What is under way is of no use any more.
    mutating func voidSnapshot() {
        (snapshotPlan.taken, snapshotPlan.isWanted, endedSnapshot) = (nil, false, nil)
        outputs.append(.voidSnapshot)
    }

    /// This owner cannot begin its snapshot. The others' end as if it had: only here there is none.
    package mutating func snapshotFailed(_ now: Now) {
        guard phase == .open else { return }
        snapshotTaken(now)
        snapshotNotKept(now)
    }

    /// This owner's snapshot was not written. The clock tries the next one after a while.
    package mutating func snapshotNotKept(_ now: Now) {
        let next = now.uptime + UInt64(Limits.Snapshot.retryWait.seconds * 1000)
        snapshotPlan.beganAt = next - min(next, snapshotMilliseconds)
    }

    private var ownClampedCount: Int {
        switch whole {
        case .some(let whole): return whole.learner.clampedCount
        case .none: break
        }
        switch shard {
        case .some(let shard): return shard.clampedCount
        case .none: return 0
        }
    }

    // MARK: reading one

    /// Rows of a snapshot, in its order.
    package mutating func restore(_ rows: ReadRows) {
        if whole != nil { whole!.restore(rows) }
        if shard != nil { shard!.restore(rows) }
    }

    /// All rows of a snapshot are in: it is this commit.
    package mutating func restored(_ footer: SnapshotFooter) {
        if whole != nil { whole!.restored(footer) }
        if shard != nil { shard!.restored(footer) }
        clock?.restore(footer)
        replayed = footer.header
        (lastHeader, standing) = (footer.header, footer.header.standing)
        snapshotPlan.number = footer.header.number
    }
}
