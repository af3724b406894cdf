internal import DeltaFeed
package import Domain
internal import Features
internal import Format
internal import Learning

/// The clock's side of a member: what it hears, and what its effects become.
extension GroupMember {
    mutating func heard(_ message: PeerMessage, from other: Int, _ now: Now) throws(ShardOwner.Contradiction) {
        guard clock != nil else { return }
        // Before the epoch has begun there is nothing else to say; what is offered now is offered again.
        switch message {
        case .joined, .begun: break
        case _ where phase != .open: return
        default: break
        }
        guard let owner = identity.owners.firstIndex(of: other) else {
            // Only an owner has more to say than a batch.
            switch message {
            case .offer, .withdraw, .heard, .tapeHeld: hearIntake(message, from: other, now)
            default: break
            }
            return work(now)
        }
        switch message {
        case .offer, .withdraw, .heard, .wantsPublish, .tapeHeld: hearIntake(message, from: other, now)
        case .arrived(let batch): clock?.arrived(batch, at: owner)
        case .partials(let round, let margins): try decide(rounds.received(margins, round: round, from: owner), now)
        case .durable(let number, let hash, let clampedCount):
            clampedCounts[owner] = clampedCount
            guard clock!.durable(number, hash: hash, at: owner, atMilliseconds: now.uptime) else {
                throw .init("\(names[other]) has another header of commit \(number)")
            }
        case .joined(let told): try takeJoined(told, from: other, now)
        case .snapshotTaken:
            heardSnapshotTaken(from: owner)
        case .snapshotPinned(let command, let failure):
            heardPinned(command, failure.map { "\(names[other]): \($0)" }, from: owner)
        case .begun:
            begunOwners.insert(other)
            openIfBegun(now)
        case .digest(let number, let digest): gather(digest, of: number, from: owner)
        default: break
        }
        work(now)
    }

    private mutating func hearIntake(_ message: PeerMessage, from other: Int, _ now: Now) {
        switch message {
        case .offer(let offer) where offer.batch.node == other:
            clock?.wallMilliseconds = now.wall
            clock?.offered(offer, atMilliseconds: now.uptime)
        case .withdraw(let batch) where batch.node == other: clock?.withdrawn(batch)
        case .heard: heardNodes.insert(other)
        case .wantsPublish: wantsPublish = true
        case .tapeHeld(let command, let held): heardTape(command, held, from: other)
        default: break
        }
    }

    private mutating func decide(_ decision: BatchRounds.Decision, _ now: Now) throws(ShardOwner.Contradiction) {
        switch decision {
        case .wait: break
        case .contradiction(let what): throw .init(what)
        case .next(let told):
            toOwners(.residuals(told))
            if told.window == 0 { endBatch(now) }
        }
    }

    private mutating func endBatch(_ now: Now) {
        clock!.learned(atMilliseconds: now.wall)
        offerNextTape(now)
    }

    /// Carries out what the clock decided, until it decides nothing more.
    mutating func work(_ now: Now) {
        guard clock != nil, phase == .open else { return }
        repeat {
            while !clock!.effects.isEmpty {
                let effects = clock!.effects
                clock!.effects.removeAll(keepingCapacity: true)
                for effect in effects { carryOut(effect, now) }
                guard phase == .open else { return }
            }
            // Whatever was decided is under way. Between two batches a commit may fall, and on a commit a publish.
            let isWanted = isPublishWanted(now) || isSnapshotEndWanted || isCommandReady
            if clock!.mustCommit(isWanted: isWanted, atMilliseconds: now.uptime) {
                clock!.commit(header(now), atMilliseconds: now.uptime)
                continue
            }
            if commitCommand(now) { continue }
            // The rows of a snapshot are being read: until every owner has them nothing else happens to them.
            guard !isRestoring else { return }
            publishIfDue(now)
            endSnapshotIfWanted(now)
            if snapshotPlan.isWanted && !clock!.isBetweenCommits { beginSnapshot(now) }
            clock!.orderNext(atMilliseconds: now.uptime)
        } while !clock!.effects.isEmpty
    }

    /// What a commit says beside what the clock knows.
    func header(_ now: Now) -> CommitHeader {
        var (lately, windowMax) = (rounds.rounds.acceptedLately, rounds.rounds.windowMax)
        var (total, window) = (rounds.validation.total, rounds.validation.window)
        var normalization = Normalization()
        if let learner = wholeState { (lately, windowMax, total, window, normalization) = learner }
        var header = CommitHeader(
            history: history, epoch: epoch, number: 0, previousHash: 0, stableNumber: 0, version: .zero,
            exampleCount: 0, acceptedLately: UInt64(lately), windowMax: UInt32(windowMax),
            fingerprint: spec.fingerprint, atMilliseconds: now.wall, publishedVersion: publishedVersion, total: total,
            window: window, batches: [])
        header.standing = standing
        header.normalization = normalization
        return header
    }

    private var wholeState: (Int, Int, Validation.Sums, Validation.Sums, Normalization)? {
        switch whole {
        case .some(let whole):
            let (lately, windowMax) = whole.learner.roundState
            let (validation, normalization) = (whole.learner.validation, whole.learner.normalization)
            return (lately, windowMax, validation.total, validation.window, normalization)
        case .none: return nil
        }
    }

    private mutating func carryOut(_ effect: Clock.Effect, _ now: Now) {
        switch effect {
        case .grant(let batch):
            if batch.node != node {
                send(.grant(batch), to: batch.node)
            } else if whole != nil {
                clock!.arrived(batch, at: 0)
            } else {
                granted(batch)
            }
        case .answer(let batch, let outcome):
            if batch.node == node {
                answer(batch, outcome)
            } else {
                send(.outcome(batch, outcome), to: batch.node)
            }
        case .drop(let batch): toOwners(.drop(batch))
        case .order(let batch): order(batch, now)
        case .commit(let header):
            if whole != nil {
                let entry = whole!.commit(header, clampedCount: header.restores > 0 ? pinned?.clampedCount : nil)
                write(header, entry, now)
            } else {
                toOwners(.commit(header))
            }
        case .stable(let number):
            if whole != nil {
                release(upTo: number)
            } else {
                toOwners(.stable(number: number))
            }
            endCommand(stable: number, now)
        }
    }

    private mutating func order(_ batch: BatchID, _ now: Now) {
        guard let offer = clock!.offer(batch) else { return }
        featuresSincePublish += offer.featureCount
        if whole != nil {
            // The only owner learns the batch here and now: no window, no round.
            do throws(ShardOwner.Contradiction) { try whole!.learn(batch, offer) } catch {
                return close("\(error)")
            }
            return endBatch(now)
        }
        let window = rounds.begin(offer.examples)
        toOwners(.order(batch, version: clock!.position, window: window))
        if window == 0 { endBatch(now) }
    }

    mutating func toOwners(_ message: PeerMessage) {
        for owner in identity.owners where owner != node { send(message, to: owner) }
        if shard != nil {
            inbox.append(message)
        } else if case .drop(let batch) = message {
            whole?.drop(batch)
        }
    }

    // MARK: publishing

    /// Publishes at the next commit, or now between two batches, with all rows as the digest's range.
    package mutating func publishDigest(_ now: Now) {
        wantsDigest = true
        work(now)
    }

    /// Has the clock publish at the next commit, or now between two batches.
    package mutating func publishSoon(_ now: Now) {
        guard clock != nil else { return send(.wantsPublish, to: clockNode) }
        wantsPublish = true
        work(now)
    }

    /// What only time does: publishes and heartbeats that are due, batches that waited too long.
    package mutating func tick(_ now: Now) {
        lastTick = now.uptime
        expireOffers(now)
        guard clock != nil, phase == .open else { return }
        clock!.expire(atMilliseconds: now.uptime)
        beginSnapshotIfDue(now)
        work(now)
    }

    /// When `tick` has something to do, in milliseconds of uptime.
    package var wakeMilliseconds: UInt64? {
        let offers = offeredAt.isEmpty ? nil : lastTick + Self.offerTickMilliseconds
        guard let clock, phase == .open else { return offers }
        guard let wake = wake(of: clock) else { return offers }
        return min(wake, offers ?? wake)
    }

    private func wake(of clock: Clock) -> UInt64? {
        let tick = clock.isWaiting ? lastTick + Self.tickMilliseconds : nil
        // While a batch is under way, its end sees to the publish; now and then somebody looks whether it comes.
        guard clock.current == nil else { return tick ?? lastTick + Self.offerTickMilliseconds }
        let isNew = publishedVersion < clock.version
        var publish = lastPublish + (isNew ? publishMilliseconds : Self.heartbeatMilliseconds)
        // Due and not done: an owner is late. It is looked at again, not at once.
        if publish <= lastTick { publish = lastTick + Self.tickMilliseconds }
        return min(publish, tick ?? .max, clock.commitDueMilliseconds ?? .max)
    }
    private static let heartbeatMilliseconds = UInt64(Limits.Feed.heartbeatInterval.seconds * 1000)
    private static let offerTickMilliseconds: UInt64 = 1000
    private static let tickMilliseconds = UInt64(Limits.Group.tickInterval.seconds * 1000)

    /// The version of the last publish that the clock ordered.
    package var publishedVersion: Version {
        switch whole {
        case .some(let whole): whole.publisher.version
        case .none: lastPublishedVersion
        }
    }

    /// Whether a publish waits for the next commit.
    private func isPublishWanted(_ now: Now) -> Bool {
        let isNew = publishedVersion < clock!.position
        let since = now.uptime - min(now.uptime, lastPublish)
        let isDue =
            isNew
            ? since >= publishMilliseconds || featuresSincePublish >= Limits.Feed.markedFeatureCountMax
            // While an owner is late there is nothing to say: its silence would only be queued.
            : since >= Self.heartbeatMilliseconds && clock!.stableNumber == clock!.number
        return isDue || wantsDigest || ((wantsPublish || isSnapshotEndWanted) && isNew)
    }

    private mutating func publishIfDue(_ now: Now) {
        guard !clock!.isBetweenCommits, isPublishWanted(now) else { return }
        wantsPublish = false
        lastPublish = now.uptime
        featuresSincePublish = 0
        let publish = Publish(number: clock!.number, watermarkMilliseconds: now.wall, digestsAllRows: wantsDigest)
        wantsDigest = false
        if whole != nil {
            let isHeartbeat = whole!.isHeartbeat(publish)
            let part = whole!.publish(publish)
            heldParts.append((publish.number, part.version, isHeartbeat ? .heartbeat(part) : .part(part)))
            release(upTo: clock!.stableNumber)
            if publish.digestsAllRows { outputs.append(.digest(ownDigest, clock!.version)) }
        } else {
            lastPublishedVersion = clock!.version
            if publish.digestsAllRows { (digestNumber, digestVersion, digests) = (publish.number, clock!.version, [:]) }
            toOwners(.publish(publish))
        }
    }

    /// Whether a later publish has been asked for a digest than the one that was told last.
    package var hasDigestUnderWay: Bool { wantsDigest || digestNumber != nil }

    private mutating func gather(_ digest: WeightDigest, of number: UInt64, from owner: Int) {
        guard number == digestNumber else { return }
        digests[owner] = digest
        guard digests.count == identity.owners.count else { return }
        digestNumber = nil
        outputs.append(.digest(digests.values.reduce(WeightDigest()) { $0 + $1 }, digestVersion))
    }
}
