package import DeltaFeed
package import Domain
package import Format
internal import Learning
package import Transport

/// One node's part in a model: its intake's batches on their way, perhaps an owner, perhaps the clock.
///
/// No I/O, no threads, no time of its own: messages and times in, `outputs` is what to do. `ModelLane` gives it threads
/// and links; a test runs a whole cluster of these in one thread, by seed.
package struct GroupMember: ~Copyable {
    package enum Output: Sendable {
        case send(PeerMessage, to: Int)
        /// The batch of this node's intake has its places: each owner gets its slice.
        case deliver(BatchID)
        /// What became of a batch of this node's intake.
        case answer(BatchID, BatchOutcome)
        /// A part for the followers of this node's shard: stable, what it leads to.
        case part(FeedPart<Bytes>)
        /// Nothing changed since the last part; the watermark moved on.
        case heartbeat(FeedPart<Bytes>)
        /// The digest of all weights was wanted and this is it.
        case digest(WeightDigest, Version)
    }
    package enum Phase: Equatable, Sendable {
        /// The clock waits until every owner has made room; or an owner for the clock's word.
        case gathering
        case open
        case closed(String)
    }
    /// The time as the caller's clocks tell it.
    package struct Now: Sendable {
        /// Milliseconds that no one sets, for deadlines.
        package var uptime: UInt64
        /// Milliseconds since 1970, for watermarks and for forgetting trainers.
        package var wall: UInt64

        package init(uptime: UInt64, wall: UInt64) {
            self.uptime = uptime
            self.wall = wall
        }
    }

    package let identity: ModelIdentity
    package let history: History
    package let spec: ModelSpec
    /// This node's place in the cluster file, and everybody's name.
    let node: Int
    let names: [String]
    let publishMilliseconds: UInt64

    package var outputs: [Output] = []
    package internal(set) var phase = Phase.gathering
    /// Batches of this node's intake that are not answered, and when they were offered.
    var offeredAt: [BatchID: UInt64] = [:]
    package internal(set) var clock: Clock?
    package internal(set) var rounds: BatchRounds
    /// The rows, where this node is the only owner.
    package internal(set) var whole: WholeOwner?
    /// The rows, where it is one of several.
    package internal(set) var shard: ShardOwner?
    /// Messages of the clock to the owner beside it: taken in `step`, so that those to other nodes are under way before
    /// this node computes.
    var inbox: [PeerMessage] = []
    /// Parts of commits that are not stable.
    var heldParts: [(number: UInt64, output: Output)] = []
    package internal(set) var stableNumber: UInt64 = 0
    /// Owners that have made room.
    var joinedOwners: Set<Int> = []
    /// Nodes that take traffic for the model.
    package internal(set) var heardNodes: Set<Int> = []
    // The clock's publishing: when the last one fell and at which version, whether a digest of all rows is wanted, and
    // what owners have answered to that.
    var lastPublish: UInt64 = 0
    var lastPublishedVersion = Version.zero
    var lastTick: UInt64 = 0
    var featuresSincePublish = 0
    var wantsPublish = false
    var wantsDigest = false
    var digests: [Int: WeightDigest] = [:]
    var digestNumber: UInt64?
    var digestVersion = Version.zero
    /// Someone wants to see settled rows: the owner pauses behind the next `settle`.
    package var wantsPause = false
    var paused: Residuals?
    /// Products clamped, as owners told last.
    package internal(set) var clampedCounts: [Int: Int] = [:]

    /// - Parameters:
    ///   - node: this node's place in the cluster file; `names` are all nodes'.
    ///   - publishMilliseconds: how often the clock publishes.
    package init(
        _ identity: ModelIdentity, _ spec: ModelSpec, history: History, node: Int, names: [String],
        publishMilliseconds: UInt64
    ) {
        self.identity = identity
        self.history = history
        self.spec = spec
        self.node = node
        self.names = names
        self.publishMilliseconds = publishMilliseconds
        let owners = identity.owners
        rounds = BatchRounds(spec.settle, ownerCount: owners.count)
        if owners[0] == node {
            clock = Clock(history: history, fingerprint: spec.fingerprint, ownerCount: owners.count)
        }
        if let place = owners.firstIndex(of: node) {
            if owners.count == 1 {
                whole = WholeOwner(spec, history: history)
            } else {
                shard = ShardOwner(spec, Shard(place, of: owners.count), history: history)
            }
        }
    }

    package var isClock: Bool { clock != nil }
    package var isOwner: Bool { identity.owners.contains(node) }
    private var clockNode: Int { identity.owners[0] }

    // MARK: beginning and end

    /// The clock: gathers the owners. A node whose spec has another fingerprint is told apart by its answer.
    package mutating func gather(_ now: Now) {
        lastPublish = now.uptime
        joinedOwners = [node]
        for owner in identity.owners where owner != node { outputs.append(.send(.prepare(identity), to: owner)) }
        openIfGathered()
    }

    /// An owner: says that it has made room.
    package mutating func join() { outputs.append(.send(.joined(spec.fingerprint), to: clockNode)) }

    mutating func openIfGathered() {
        guard phase == .gathering, joinedOwners.count == identity.owners.count else { return }
        phase = .open
        for other in names.indices where other != node { outputs.append(.send(.opened(identity), to: other)) }
    }

    /// The model was deleted. The clock tells every node.
    package mutating func delete() {
        end(Self.deletedReason)
        for other in names.indices where other != node { outputs.append(.send(.deleted, to: other)) }
    }

    /// Nothing is learned any more, and rows that are not learned on are of no use.
    private mutating func end(_ reason: String) {
        phase = .closed(reason)
        inbox = []
        heldParts = []
        paused = nil
        whole = nil
        shard = nil
    }

    /// The model cannot go on. The clock tells every node.
    package mutating func close(_ reason: String) {
        if case .closed = phase { return }
        end(reason)
        if isClock {
            for other in names.indices where other != node { outputs.append(.send(.closed(reason: reason), to: other)) }
        } else if isOwner {
            outputs.append(.send(.closed(reason: reason), to: clockNode))
        }
    }

    /// Another node lives anew, without what it held.
    package mutating func restarted(_ other: Int, _ now: Now) {
        if case .closed = phase { return }
        if identity.owners.contains(other) {
            // An owner that is not the clock hears of another owner's death from the clock.
            guard isClock || other == clockNode else { return }
            guard phase != .gathering || !isClock else {
                // Nothing is lost yet: it is asked again.
                joinedOwners.remove(other)
                return outputs.append(.send(.prepare(identity), to: other))
            }
            return close("its owner \(names[other]) restarted without its rows")
        }
        guard clock != nil else { return }
        clock?.lostIntake(other)
        heardNodes.remove(other)
        work(now)
    }

    // MARK: inputs

    /// This node's intake has a batch. Where this node is the only owner the offer has its features, too.
    package mutating func offered(_ offer: BatchOffer, _ now: Now) {
        if case .closed(let reason) = phase { return outputs.append(.answer(offer.batch, .refused("the model is closed: \(reason)"))) }
        offeredAt[offer.batch] = now.uptime
        guard clock != nil else { return outputs.append(.send(.offer(offer), to: clockNode)) }
        clock?.offered(offer, atMilliseconds: now.uptime)
        work(now)
    }

    package mutating func received(_ message: PeerMessage, from other: Int, _ now: Now) {
        if case .closed = phase { return }
        do throws(ShardOwner.Contradiction) {
            switch message {
            case .offer, .withdraw, .arrived, .partials, .durable, .joined, .heard, .wantsPublish,
                .digest:
                try heard(message, from: other, now)
            case .slice(let batch, _) where batch.node == other: try own(message, now)
            case .closed(let reason) where isClock && identity.owners.contains(other):
                close("\(names[other]): \(reason)")
            // The rest is the clock's to say.
            case _ where other != clockNode: break
            case .grant(let batch): granted(batch)
            case .outcome(let batch, let outcome): answer(batch, outcome)
            case .order, .residuals, .commit, .stable, .drop, .publish: try own(message, now)
            case .opened: opened()
            case .closed(let reason): close(reason)
            case .deleted: close(Self.deletedReason)
            case .prepare, .told, .slice: break  // The registry's; or another intake's name.
            }
        } catch { close("\(names[node]): \(error)") }
    }

    static let deletedReason = "it was deleted"

    private mutating func opened() {
        phase = .open
        outputs.append(.send(.heard, to: clockNode))
    }

    // MARK: the intake

    func isOffered(_ batch: BatchID) -> Bool { offeredAt[batch] != nil }

    mutating func granted(_ batch: BatchID) {
        guard isOffered(batch) else { return withdraw(batch) }
        outputs.append(.deliver(batch))
    }

    mutating func answer(_ batch: BatchID, _ outcome: BatchOutcome) {
        guard offeredAt.removeValue(forKey: batch) != nil else { return }
        outputs.append(.answer(batch, outcome))
    }

    /// Gives up batches that were not answered in time. A named one may be sent again: it is learned once all the same.
    mutating func expireOffers(_ now: Now) {
        let wait = UInt64(Limits.Group.answerWait.seconds * 1000)
        for (batch, since) in offeredAt where since + wait <= now.uptime {
            let reason = waitsFor ?? "\(names[clockNode]), where its clock is"
            answer(batch, .refused("not learned within \(wait / 1000) s; the model waits for \(reason)"))
            withdraw(batch)
        }
    }

    private mutating func withdraw(_ batch: BatchID) {
        guard clock != nil else { return outputs.append(.send(.withdraw(batch), to: clockNode)) }
        clock?.withdrawn(batch)
    }

    // MARK: the owner beside the clock

    /// Takes the clock's messages to the owner beside it.
    package mutating func step(_ now: Now) {
        while !inbox.isEmpty, paused == nil {
            let messages = inbox
            inbox = []
            for (place, message) in messages.enumerated() {
                do throws(ShardOwner.Contradiction) { try own(message, now) } catch { close("\(names[node]): \(error)") }
                if paused != nil {
                    inbox.insert(contentsOf: messages[(place + 1)...], at: 0)
                    break
                }
            }
        }
    }

    package var hasStep: Bool { !inbox.isEmpty && paused == nil }

    /// Goes on behind a pause: whoever wanted settled rows has seen them.
    package mutating func resume(_ now: Now) {
        wantsPause = false
        guard let told = paused else { return }
        paused = nil
        if let partials = shard?.next(told) { tell(partials, now) }
    }

    package var isPaused: Bool { paused != nil }

    /// Whether followers have been given everything that was learned.
    package var isPublished: Bool {
        switch whole {
        case .some(let whole): return whole.isPublished
        case .none: break
        }
        switch shard {
        case .some(let shard): return shard.isPublished && heldParts.isEmpty
        case .none: return true
        }
    }

    /// Whether the rows may be read now.
    package var hasSettledRows: Bool {
        switch shard {
        case .some(let shard): shard.isSettled
        case .none: true
        }
    }

    /// What this node's rows add to the digest of all weights.
    package var ownDigest: WeightDigest {
        switch whole {
        case .some(let whole): return whole.learner.digest
        case .none: break
        }
        switch shard {
        case .some(let shard): return shard.rows.digest
        case .none: return WeightDigest()
        }
    }

    /// The weights of this owner's rows `range`; behind `hasSettledRows`.
    package func weights(_ range: Range<Int>, into weights: inout [Float]) {
        switch whole {
        case .some(let whole): whole.learner.rows.weights(range, into: &weights)
        case .none: break
        }
        switch shard {
        case .some(let shard): shard.rows.weights(range, into: &weights)
        case .none: break
        }
    }

    // MARK: the owner

    private mutating func own(_ message: PeerMessage, _ now: Now) throws(ShardOwner.Contradiction) {
        if whole != nil {
            if case .slice(let batch, let slice) = message {
                try whole!.park(slice, of: batch)
                tell(.arrived(batch), now)
            }
            return
        }
        guard shard != nil else { throw .init("it owns no shard of the model") }
        switch message {
        case .slice(let batch, let slice):
            try shard!.park(slice, of: batch)
            tell(.arrived(batch), now)
        case .order(let batch, let version, let window):
            if let partials = try shard!.ordered(batch, version: version, window: window) { tell(partials, now) }
        case .residuals(let told):
            try shard!.settle(told)
            if wantsPause && told.window > 0 {
                paused = told
            } else if let partials = shard!.next(told) {
                tell(partials, now)
            }
        case .commit(let header): tell(try shard!.commit(header), now)
        case .stable(let number): release(upTo: number)
        case .drop(let batch): shard!.drop(batch)
        case .publish(let publish):
            let isHeartbeat = shard!.isHeartbeat(publish)
            let part = try shard!.publish(publish)
            heldParts.append((publish.number, isHeartbeat ? .heartbeat(part) : .part(part)))
            release(upTo: stableNumber)
            if publish.digestsAllRows { tell(.digest(number: publish.number, ownDigest), now) }
        default: break
        }
    }

    private mutating func release(upTo number: UInt64) {
        stableNumber = max(stableNumber, number)
        while let first = heldParts.first, first.number <= stableNumber {
            heldParts.removeFirst()
            outputs.append(first.output)
        }
    }

    /// Tells the clock, here or elsewhere.
    private mutating func tell(_ message: PeerMessage, _ now: Now) {
        guard isClock else { return outputs.append(.send(message, to: clockNode)) }
        do throws(ShardOwner.Contradiction) { try heard(message, from: node, now) } catch {
            close("\(names[node]): \(error)")
        }
    }
}
