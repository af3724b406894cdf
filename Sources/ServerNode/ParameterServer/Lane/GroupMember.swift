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
    var clockNode: Int { identity.owners[0] }

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
    mutating func end(_ reason: String) {
        phase = .closed(reason)
        inbox = []
        heldParts = []
        offeredAt = [:]
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
        if case .closed(let reason) = phase {
            return outputs.append(.answer(offer.batch, .refused("the model is closed: \(reason)")))
        }
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

    mutating func opened() {
        phase = .open
        outputs.append(.send(.heard, to: clockNode))
    }
}
