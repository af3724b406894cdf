package import Domain
internal import Learning

/// How an epoch begins: all owners tell what their disks hold, go back to the last commit that all hold, and go on.
///
///     clock  gathering ─ joined by all ─▶ beginning behind c* ─ begun by all ─▶ open
///     owner  prepare ─▶ join on disk ─▶ joined ─▶ begin c* ─▶ cut on disk ─▶ rows of c* ─▶ begun
///
/// c* is the lowest of the owners' last commits. Everything acknowledged or published was durable at all owners, so it is
/// in c*; what is above c* was told to nobody, and its batches are offered again.
extension GroupMember {
    /// What an entry on its way to the disk leads to.
    enum Written {
        case joined(epoch: UInt32)
        case cut(epoch: UInt32, number: UInt64)
        case commit(number: UInt64, hash: UInt64, clampedCount: Int)
        case nothing
    }

    // MARK: the clock

    /// Begins an epoch: at the start, and when an owner lives anew.
    package mutating func gather(_ now: Now) {
        lastPublish = now.uptime
        if let clock { noteStable(clock.stableNumber) }
        epoch += 1
        (phase, epochCut, joined, begunOwners, inbox) = (.gathering, nil, [:], [], [])
        voidSnapshot()
        restoring = nil
        endCommand(
            CommandFailure(
                .unavailable,
                "an owner of the model restarted meanwhile: look whether its version has it, then try again"))
        commandCount = 0
        // Those that own no rows hear that there is such a model, and that it is not open.
        sendAll(.prepare(identity))
        join(now)
    }

    mutating func takeJoined(_ told: Joined, from owner: Int, _ now: Now) throws(ShardOwner.Contradiction) {
        guard told.fingerprint == spec.fingerprint else {
            throw .init(
                "\(names[owner]) makes fingerprint \(told.fingerprint) of the spec, here it is \(spec.fingerprint)")
        }
        joined[owner] = told
        guard phase == .gathering, epochCut == nil, joined.count == identity.owners.count,
            let last = joined.min(by: { ($0.value.number, $0.key) < ($1.value.number, $1.key) })
        else { return }
        let acknowledged = joined.values.reduce(0) { max($0, $1.stableNumber) }
        guard last.value.number >= acknowledged else {
            throw .init(
                """
                its owner \(names[last.key]) restarted without its rows: it holds commit \(last.value.number), and commit \
                \(acknowledged) was acknowledged
                """)
        }
        epochCut = last.value.number
        let begin = PeerMessage.begin(number: last.value.number, hash: last.value.hash)
        for owner in identity.owners where owner != node { send(begin, to: owner) }
        try self.begin(behind: last.value.number, last.value.hash, now)
    }

    mutating func openIfBegun(_ now: Now) {
        guard phase == .gathering, epochCut != nil, begunOwners.count == identity.owners.count else { return }
        phase = .open
        rounds.beginEpoch(behind: replayed)
        replayed = nil
        clock!.beginEpoch()
        if clock!.position > epochVersion && rounds.rounds.roundCount == 0 { epochVersion = clock!.position }
        lastPublishedVersion = releasedVersion
        // Followers hear at once where a model stands that was read from disks.
        wantsPublish = clock!.version > .zero
        sendAll(.opened(identity))
        offerAgain()
        work(now)
    }

    // MARK: an owner

    /// The clock begins an epoch.
    mutating func prepared(_ epoch: UInt32, _ now: Now) {
        // A clock that has lost its disk begins below ours: our answer tells it.
        guard epoch >= self.epoch else { return send(.joined(whatIsHeld), to: clockNode) }
        // It was told of before, and has begun meanwhile.
        guard epoch > self.epoch || phase != .open else { return }
        self.epoch = epoch
        phase = .gathering
        outputs.append(.endTape)
        guard isOwner else { return }
        voidSnapshot()
        join(now)
    }

    private var whatIsHeld: Joined {
        Joined(fingerprint: spec.fingerprint, number: log.number, hash: log.hash, stableNumber: log.stableNumber)
    }

    private mutating func join(_ now: Now) {
        paused = nil
        log.epoch = epoch
        write(.join(epoch: epoch, identity), leadsTo: .joined(epoch: epoch), now)
    }

    /// The epoch begins behind a commit that every owner holds.
    mutating func begin(behind number: UInt64, _ hash: UInt64, _ now: Now) throws(ShardOwner.Contradiction) {
        guard phase == .gathering else { throw .init("an epoch begins that was not prepared") }
        guard let own = log.hash(of: number) else {
            throw .init("the epoch begins behind commit \(number), which this disk does not hold")
        }
        guard own == hash else { throw .init("this disk holds another commit \(number)") }
        heldParts.removeAll { $0.number > number }
        release(upTo: number)
        log.cut(to: number)
        write(
            .cut(epoch: epoch, number: number),
            leadsTo: .cut(epoch: epoch, number: number), now)
    }

    /// Whether everything here is as it was at the commit. The clock may be ahead of the owner beside it.
    private func isAt(commit number: UInt64) -> Bool {
        if let clock, clock.number != number || clock.isBetweenCommits { return false }
        guard load == nil else { return false }
        switch whole {
        case .some(let whole): return whole.isAt(commit: number)
        case .none: break
        }
        switch shard {
        case .some(let shard): return shard.isAt(commit: number)
        case .none: return true
        }
    }

    /// The rows are those of the commit that the epoch begins behind.
    private mutating func beginEpoch(_ now: Now) {
        if whole != nil { whole!.beginEpoch() }
        if shard != nil { shard!.beginEpoch() }
        guard isClock else { return send(.begun, to: clockNode) }
        begunOwners.insert(node)
        openIfBegun(now)
    }

    // MARK: the disk

    /// Writes an entry to the journal; where there is none, does at once what it leads to.
    mutating func write(_ entry: JournalEntry, leadsTo written: Written, _ now: Now) {
        writing.append(written)
        if journals { outputs.append(.journal(entry)) } else { journaled(now) }
    }

    mutating func write(_ header: CommitHeader, _ entry: JournalEntry, _ now: Now) {
        guard case .commit(_, let clampedCount, let rows) = entry else { preconditionFailure("a commit's entry") }
        snapshotPlan.byteCount += rows.count
        log.append(header.number, header.hash)
        lastHeader = header
        // The clock's own is ahead of its owner's.
        if clock == nil { standing = header.standing }
        if header.republishes { republish(header) }
        notedStableNumber = max(notedStableNumber, header.stableNumber)
        write(entry, leadsTo: .commit(number: header.number, hash: header.hash, clampedCount: clampedCount), now)
    }

    /// The entry given to the journal first, of those under way, is on the disk.
    package mutating func journaled(_ now: Now) {
        // A model that has ended waits for nothing.
        guard !writing.isEmpty else { return }
        switch writing.removeFirst() {
        case .commit(let number, let hash, let clampedCount):
            // Not before its rows are here.
            if load?.number == number, load?.epoch == epoch {
                load?.isDurable = true
                return
            }
            if whole != nil {
                _ = clock?.durable(number, hash: hash, at: 0, atMilliseconds: now.uptime)
                work(now)
            } else {
                tell(.durable(number: number, hash: hash, clampedCount: clampedCount), now)
            }
        case .joined(let epoch): if epoch == self.epoch { tell(.joined(whatIsHeld), now) }
        case .cut(let epoch, let number):
            guard epoch == self.epoch else { return }
            guard replaysUnderWay > 0 || !isAt(commit: number) else { return beginEpoch(now) }
            replaysUnderWay += 1
            outputs.append(.replay(through: number, epoch: epoch))
        case .nothing: break
        }
    }

    /// The commits read from the journal follow, from the first that is needed on.
    ///
    /// - Parameter published: the version of the last publish before the last of them: followers may hold it.
    package mutating func beginReplay(published: Version) {
        if case .closed = phase { return }
        (replayed, lastHeader, load) = (nil, nil, nil)
        releasedVersion = max(releasedVersion, published)
        makeRows(published: releasedVersion)
    }

    /// - Parameter rows: as the commit left them. Of one that restores a snapshot: none, they are set by `beginLoad` and
    ///   `restore`.
    package mutating func replay(_ header: CommitHeader, clampedCount: Int, rows: ReadRows) {
        if whole != nil { whole!.replay(header, clampedCount: clampedCount, rows) }
        if shard != nil { shard!.replay(header, clampedCount: clampedCount, rows) }
        clock?.replay(header)
        (replayed, lastHeader, standing) = (header, header, header.standing)
    }

    /// All commits are read; unless another epoch was prepared meanwhile, this one begins.
    package mutating func endReplay(through number: UInt64, epoch: UInt32, _ now: Now) {
        replaysUnderWay -= 1
        guard phase == .gathering, epoch == self.epoch, replaysUnderWay == 0 else { return }
        guard replayed?.number ?? 0 == number else {
            return close("\(names[node]): the journal ends at commit \(replayed?.number ?? 0), not \(number)")
        }
        beginEpoch(now)
    }

    /// The commit is known to be durable everywhere. The disk hears of it with the next commit, or when nothing is learned.
    mutating func noteStable(_ number: UInt64) { log.stableNumber = max(log.stableNumber, number) }

    mutating func writeStable(_ now: Now) {
        guard journals, notedStableNumber < log.stableNumber else { return }
        notedStableNumber = log.stableNumber
        write(.stable(number: log.stableNumber), leadsTo: .nothing, now)
    }
}
