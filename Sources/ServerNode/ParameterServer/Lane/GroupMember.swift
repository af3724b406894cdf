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
        case send(Envelope, to: Int)
        /// The batch of this node's intake has its places: each owner gets its slice.
        case deliver(BatchID)
        /// The batch of this node's intake is to be offered anew: an epoch began.
        case offerAgain(BatchID)
        /// What became of a batch of this node's intake.
        case answer(BatchID, BatchOutcome)
        /// A part for the followers of this node's shard: stable, what it leads to.
        case part(FeedPart<Bytes>)
        /// Nothing changed since the last part; the watermark moved on.
        case heartbeat(FeedPart<Bytes>)
        /// The digest of all weights was wanted and this is it.
        case digest(WeightDigest, Version)
        /// Write it to the journal, behind everything before; `journaled` when it is on the disk.
        case journal(JournalEntry)
        /// Write the rows out: chunks as they are settled, `snapshotTaken` behind the last, and the rows of every commit.
        case beginSnapshot
        /// The snapshot under way is complete: its footer.
        case endSnapshot(SnapshotFooter)
        /// The snapshot that has ended counts from now on.
        case keepSnapshot
        case voidSnapshot
        /// Is the snapshot of this commit here, whole? Keep it; `snapshotPinned`.
        case pinSnapshot(command: UInt32, number: UInt64)
        /// Read the rows of this commit's snapshot, behind what is being read: `beginLoad`, `restore`, `endLoad`.
        case load(number: UInt64)
        /// Weights changed that no part tells of: copies under way are void.
        case voidCopies
        /// Followers need a copy of this version or a later one.
        case beginFeed(Version)
        /// Has this node's tape these batches? `tapeFound`.
        case findTape(command: UInt32, of: ModelName, [BatchID])
        /// The batch of this node's tape is to be offered again, as a replay.
        case offerTape(command: UInt32, BatchID)
        /// Nothing of this node's tape is wanted any more.
        case endTape
        /// What became of the command: the version that has it, or why it was not carried out.
        case commanded(Version, failure: CommandFailure?)
        /// Read the commits up to this one from the journal: `beginReplay`, `replay` for each, `endReplay`.
        case replay(through: UInt64, epoch: UInt32)
    }
    package enum Phase: Equatable, Sendable {
        /// An epoch begins: the clock waits until every owner has joined and begun; another node for the clock's word.
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
    /// Whether this node keeps a journal: then a commit is durable when its rows are on the disk.
    let journals: Bool

    package var outputs: [Output] = []
    package internal(set) var phase = Phase.gathering
    /// The epoch this node takes part in; what belongs to another is not taken.
    package internal(set) var epoch: UInt32
    /// What this owner's disk holds, and what each entry on its way there leads to.
    package internal(set) var log: OwnerLog
    var writing: [Written] = []
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
    var heldParts: [(number: UInt64, version: Version, output: Output)] = []
    package internal(set) var stableNumber: UInt64 = 0
    /// The clock: owners that have joined the epoch, and those that have begun it.
    var joined: [Int: Joined] = [:]
    var begunOwners: Set<Int> = []
    /// The commit that the epoch begins behind, once all owners have joined.
    var epochCut: UInt64?
    var replaysUnderWay = 0
    /// The highest stable commit that the disk knows of.
    var notedStableNumber: UInt64 = 0
    /// The clock's snapshots; the commit at which this owner's own has ended and that is not stable.
    var snapshotPlan = SnapshotPlan()
    var endedSnapshot: UInt64?
    let snapshotMilliseconds: UInt64
    /// The header of the last commit.
    var lastHeader: CommitHeader?
    /// The header of the commit replayed last.
    var replayed: CommitHeader?
    /// The version of the last part that followers may have.
    package internal(set) var releasedVersion = Version.zero
    /// What operators made of the model, as of the last commit here.
    package internal(set) var standing: Standing
    /// The clock: the operator's command under way. An owner: the snapshot that it keeps for one, and the commit that restores
    /// it, until the rows are read.
    var command: CommandUnderWay?
    /// Commands begun in this epoch: the last one's number.
    var commandCount: UInt32 = 0
    var pinned: SnapshotFooter?
    /// The clock: the commit that restores a snapshot, until it is stable: every owner has its rows.
    var restoring: UInt64?
    var load: Load?
    /// Where this epoch began, for figures.
    var epochVersion = Version.zero
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
    ///   - journals: whether this node keeps a journal; `log` is what it holds of the model.
    package init(
        _ identity: ModelIdentity, _ spec: ModelSpec, history: History, node: Int, names: [String],
        publishMilliseconds: UInt64, journals: Bool = false, log: OwnerLog = OwnerLog(),
        snapshotMilliseconds: UInt64 = .max / 2
    ) {
        self.identity = identity
        self.history = history
        self.spec = spec
        self.node = node
        self.names = names
        self.publishMilliseconds = publishMilliseconds
        self.journals = journals
        self.snapshotMilliseconds = snapshotMilliseconds
        self.log = log
        epoch = log.epoch
        notedStableNumber = log.stableNumber
        standing = Standing(spec.learner)
        rounds = BatchRounds(spec.settle, ownerCount: identity.owners.count)
        makeRows(published: .zero)
    }

    /// Empty rows, and the clock as it is before the first commit.
    mutating func makeRows(published: Version) {
        let owners = identity.owners
        rounds = BatchRounds(spec.settle, ownerCount: owners.count)
        if owners[0] == node {
            clock = Clock(
                history: history, fingerprint: spec.fingerprint, ownerCount: owners.count,
                commitMilliseconds: journals ? Self.commitMilliseconds : 0)
        }
        standing = Standing(spec.learner)
        guard let place = owners.firstIndex(of: node) else { return }
        if owners.count == 1 {
            whole = WholeOwner(spec, history: history, journals: journals, published: published)
        } else {
            shard = ShardOwner(
                spec, Shard(place, of: owners.count), history: history, journals: journals, published: published)
        }
    }
    private static let commitMilliseconds = UInt64(Limits.Journal.commitInterval.seconds * 1000)

    package var isClock: Bool { clock != nil }
    package var isOwner: Bool { identity.owners.contains(node) }
    var clockNode: Int { identity.owners[0] }

    mutating func send(_ message: PeerMessage, to other: Int) {
        outputs.append(.send(Envelope(history, epoch: epoch, message), to: other))
    }

    mutating func sendAll(_ message: PeerMessage) {
        for other in names.indices where other != node { send(message, to: other) }
    }

    // MARK: the end

    /// The model was deleted. The clock tells every node.
    package mutating func delete() {
        end(Self.deletedReason)
        sendAll(.deleted)
        forget()
    }

    /// Nothing of the model is kept on this node's disk.
    package mutating func forget() {
        if journals && isOwner { outputs.append(.journal(.forget)) }
    }

    /// The node stops, and begins again from its journal: nobody else is told that the model has ended.
    package mutating func stop() { end("its node stops") }

    /// Nothing is learned any more, and rows that are not learned on are of no use.
    mutating func end(_ reason: String) {
        phase = .closed(reason)
        endCommand(CommandFailure(.refused, "the model is closed: \(reason)"))
        (inbox, restoring) = ([], nil)
        heldParts = []
        offeredAt = [:]
        paused = nil
        writing = []
        whole = nil
        shard = nil
    }

    /// The model cannot go on. The clock tells every node.
    package mutating func close(_ reason: String) {
        if case .closed = phase { return }
        end(reason)
        if isClock {
            sendAll(.closed(reason: reason))
        } else if isOwner {
            send(.closed(reason: reason), to: clockNode)
        }
    }

    /// Another node lives anew, without what it held in memory.
    package mutating func restarted(_ other: Int, _ now: Now) {
        if case .closed = phase { return }
        if isClock && identity.owners.contains(other) { return gather(now) }
        if other == clockNode {
            // It gathers the owners anew when it has read its disk; without one, everything ends with it.
            guard journals else { return close("its owner \(names[other]) restarted without its rows") }
            phase = .gathering
            return
        }
        guard clock != nil, phase == .open else { return }
        if command?.replay?.needed.contains(other) == true {
            endCommand(CommandFailure(.unavailable, "\(names[other]) restarted meanwhile"))
        }
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
        offeredAt[offer.batch] = offeredAt[offer.batch] ?? now.uptime
        // Else it is offered when the epoch has begun.
        guard phase == .open else { return }
        guard clock != nil else { return send(.offer(offer), to: clockNode) }
        clock?.wallMilliseconds = now.wall
        clock?.offered(offer, atMilliseconds: now.uptime)
        work(now)
    }

    package mutating func received(_ envelope: Envelope, from other: Int, _ now: Now) {
        if case .deleted = envelope.message, other == clockNode {
            close(Self.deletedReason)
            return forget()
        }
        if case .closed = phase { return }
        do throws(ShardOwner.Contradiction) {
            switch envelope.message {
            case .closed(let reason) where isClock && identity.owners.contains(other):
                close("\(names[other]): \(reason)")
            case .closed(let reason) where other == clockNode: close(reason)
            case .prepare where other == clockNode: prepared(envelope.epoch, now)
            case .opened where other == clockNode: opened(envelope.epoch)
            // An owner's disk has seen a later epoch than the clock's.
            case .joined where isClock && envelope.epoch > epoch && identity.owners.contains(other):
                // As many there cannot have been.
                guard envelope.epoch < .max - 1 else {
                    throw .init("\(names[other]) speaks of epoch \(envelope.epoch)")
                }
                epoch = envelope.epoch
                gather(now)
            case _ where envelope.epoch != epoch: break
            case .offer, .withdraw, .arrived, .partials, .durable, .joined, .begun, .heard, .wantsPublish,
                .digest, .snapshotTaken, .snapshotPinned, .tapeHeld:
                try heard(envelope.message, from: other, now)
            case .slice(let batch, _) where batch.node == other: try own(envelope.message, now)
            // The rest is the clock's to say.
            case _ where other != clockNode: break
            case .grant(let batch): granted(batch)
            case .outcome(let batch, let outcome): answer(batch, outcome)
            case .wantTape(let command, let trainer, let batches):
                outputs.append(.findTape(command: command, of: trainer, batches))
            case .offerTape(let command, let batch): outputs.append(.offerTape(command: command, batch))
            case .endTape: outputs.append(.endTape)
            case .begin(let number, let hash): try begin(behind: number, hash, now)
            case .order, .residuals, .commit, .stable, .drop, .publish, .takeSnapshot, .endSnapshot,
                .pinSnapshot:
                try own(envelope.message, now)
            // Another's to say; the registry's; or another intake's name.
            case .closed, .deleted, .prepare, .opened, .told, .slice: break
            }
        } catch { close("\(names[node]): \(error)") }
    }

    static let deletedReason = "it was deleted"
}
