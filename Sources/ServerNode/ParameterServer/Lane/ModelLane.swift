internal import Configuration
internal import DeltaFeed
package import Domain
package import Features
internal import Format
internal import Learning
internal import Logging
internal import Scoring
package import Transport

/// A model on this node: the one thread that owns its rows, and everything that happens to them in order.
///
///     offer ─▶ group member (clock: which batch is next; owner: learns it) ─▶ answer the trainer
///                  │ ▲                                                    └─▶ feed hub
///                  ▼ │ messages
///              other nodes
///
/// Safe because every mutable property is touched on `thread` only, which each method that touches them checks;
/// other threads read `status` and send work through `thread`.
package final class ModelLane: @unchecked Sendable {
    package let name: ModelName
    package let spec: ModelSpec
    /// What intakes make examples with.
    package let plan: Plan
    package let history: History
    package let identity: ModelIdentity
    package let hub: FeedHub
    /// What other threads may know, as of the last batch.
    package let status: Locked<ModelStatus>
    /// Bytes of text waiting to be learned.
    package let queuedByteCount = Locked(0)
    /// Whether the rows have been those of an epoch since this node began: from then on followers may have them.
    package let hasOpened = Locked(false)
    /// Why the model cannot go on, once it cannot.
    package let closedReason = Locked<String?>(nil)

    let node: Int
    let names: [String]
    let thread: WorkThread
    let links: PeerLinks?
    let journal: NodeJournal?
    let snapshots: SnapshotFolder?
    let snapshotInterval: Duration
    /// Where each snapshot is copied.
    let mirror: SnapshotFolder?
    let tape: Tape?
    /// What an un-learning found on this node's tape.
    var held = HeldTape()
    /// The snapshot that rows are taken for, and one that has ended and is not stable.
    var snapshot: SnapshotTaking?
    var endedSnapshot: (taking: SnapshotTaking, name: SnapshotFolder.Name)?
    /// The newest snapshot kept.
    let newestKept = Locked<SnapshotFolder.Name?>(nil)
    /// The newest that the mirror has.
    let newestMirrored = Locked<SnapshotFolder.Name?>(nil)
    let log: Logger
    /// The epoch that slices are made for; those of another are stamped again.
    let epoch: Locked<UInt32>
    /// What is to be read from disks, one after the other, so that no two mix their rows.
    var readings: [Reading] = []
    let nextBatchNumber: Locked<UInt64>
    let started = ContinuousClock.now

    var member: GroupMember
    /// Batches of this node's intake that are under way.
    var pending: [BatchID: PendingOffer] = [:]
    var isStepScheduled = false
    var timer: (at: UInt64, timer: WorkThread.Timer)?
    var digestWaiters: [(since: UInt64, told: @Sendable ((WeightDigest, Version)?) -> Void)] = []
    /// Who waits for an operator's command, or for a snapshot.
    var snapshotWaiters: [SnapshotWaiter] = []
    var forgottenWaiters: [@Sendable () -> Void] = []
    var commandWaiter: (@Sendable (Version, CommandFailure?) -> Void)?
    /// Since when a node that the command under way needs is not reached.
    var commandStalledAt: UInt64?
    /// What is done when the model opens first.
    var openActions: [@Sendable () -> Void] = []
    var openWaiters: [@Sendable (String?) -> Void] = []
    /// Work that wants settled rows, and copies whose last chunk is taken.
    var rowReaders: [@Sendable (ModelLane) -> Void] = []
    var copyEnds: [(base: Version, settled: Version, told: @Sendable ((version: Version, record: Bytes)?) -> Void)] = []
    /// How often the rows were read anew.
    var replayCount = 0
    var pace = RoundPace()
    var waitsFor: String?
    /// Rounds and commits when they last moved.
    var lastProgress: (counts: [UInt64], at: UInt64) = ([], 0)

    /// - Parameters:
    ///   - thread: where the rows are learned; for a model of several owners the one that carries control links.
    ///   - links: to the other nodes; nil where there are none.
    ///   - journal: nil where durability is none; `held` is what it holds of the model.
    package init(
        _ identity: ModelIdentity, _ spec: ModelSpec, history: History, publishInterval: Duration, node: Int = 0,
        names: [String] = [""], thread: WorkThread = WorkThread(), links: PeerLinks? = nil, journal: NodeJournal? = nil,
        snapshots: SnapshotFolder? = nil, snapshotInterval: Duration = Limits.Snapshot.intervalDefault,
        mirror: SnapshotFolder? = nil, tape: Tape? = nil, held: OwnerLog = OwnerLog()
    ) {
        name = identity.name
        self.spec = spec
        plan = Plan(spec)
        self.history = history
        self.identity = identity
        self.node = node
        self.names = names
        self.thread = thread
        self.links = links
        self.journal = journal
        self.snapshots = snapshots
        self.snapshotInterval = snapshotInterval
        self.mirror = mirror
        self.tape = tape
        log = Logger(label: "sluice.server.\(names[node]).\(identity.name)")
        epoch = Locked(held.epoch)
        nextBatchNumber = Locked(millisecondsSince1970() << 20)
        member = GroupMember(
            identity, spec, history: history, node: node, names: names,
            publishMilliseconds: UInt64(publishInterval.seconds * 1000), journals: journal != nil, log: held,
            snapshotMilliseconds: UInt64(snapshotInterval.seconds * 1000))
        hub = FeedHub(history: history, version: .zero)
        var status = ModelStatus()
        status.standing = member.standing
        self.status = Locked(status)
    }

    /// The spec with the rates that the learner has now.
    package var currentSpec: ModelSpec {
        var spec = spec
        spec.learner = status.withLockedValue { $0.standing.learner }
        return spec
    }

    package var isClock: Bool { identity.owners[0] == node }
    package var isOwner: Bool { identity.owners.contains(node) }
    /// The rows here; of a node that owns none, nothing's.
    var ownShard: Shard { Shard(identity.owners.firstIndex(of: node) ?? 0, of: identity.owners.count) }

    // MARK: on the lane's thread

    var now: GroupMember.Now {
        GroupMember.Now(
            uptime: UInt64((ContinuousClock.now - started).seconds * 1000), wall: millisecondsSince1970())
    }

    func take(_ pending: PendingOffer) {
        thread.precondition()
        let offer = pending.offer
        if case .closed(let reason) = member.phase { return answer(offer, .refused("the model is closed: \(reason)")) }
        guard !offer.body.isOver.withLockedValue({ $0 }) else {
            return answer(offer, .refused("a batch before it in this body was not taken"))
        }
        if let late = unreached {
            return answer(offer, .refused("\(late), which owns rows of the model, is not reached"))
        }
        guard ContinuousClock.now < offer.refusedAfter else {
            return answer(offer, .refused("the model is busy: the batch was not taken within 2 s"))
        }
        self.pending[pending.batch] = pending
        member.offered(pending.batchOffer, now)
        flush()
    }

    /// The name of an owner that has been cut off for so long that its link holds as much as may wait there.
    var unreached: String? {
        guard let links else { return nil }
        return identity.owners.first { $0 != node && !links.hasRoom($0, clock: $0 == identity.owners[0]) }.map {
            names[$0]
        }
    }

    func take(_ envelope: Envelope, from other: Int) {
        thread.precondition()
        member.received(envelope, from: other, now)
        flush()
    }

    /// Does what the member decided.
    func flush() {
        while !member.outputs.isEmpty {
            let outputs = member.outputs
            member.outputs.removeAll(keepingCapacity: true)
            for output in outputs { carryOut(output) }
        }
        readRows()
        if member.hasStep && !isStepScheduled {
            // In a task of its own: what goes to other nodes is sent before this node computes.
            isStepScheduled = true
            thread.run {
                self.isStepScheduled = false
                self.member.step(self.now)
                self.flush()
            }
        }
        let epoch = member.epoch
        self.epoch.withLockedValue { $0 = epoch }
        pace.decided(member.rounds.rounds.roundCount, isInBatch: member.clock?.current != nil)
        phaseChanged()
        scheduleWake()
        tellStatus()
    }

    func carryOut(_ output: GroupMember.Output) {
        switch output {
        case .send(let envelope, let node): links?.send(envelope, to: node)
        case .deliver(let batch): deliver(batch)
        case .offerAgain(let batch):
            if let pending = pending[batch] { member.offered(pending.batchOffer, now) }
        case .beginSnapshot: beginSnapshot()
        case .endSnapshot(let footer): endSnapshot(footer)
        case .keepSnapshot: keepSnapshot()
        case .voidSnapshot:
            voidSnapshot()
            tellSnapshot(nil)
        case .journal(let entry):
            appendToSnapshot(entry)
            if isClock, case .commit(let header, _, _) = entry { tape?.append(history, .header(header)) }
            journal?.append(history, entry) {
                if case .forget = entry {
                    // Not before: what the journal remembers may need them.
                    self.forgetSnapshots()
                    self.thread.run { self.tellForgotten() }
                }
                self.thread.run {
                    self.member.journaled(self.now)
                    self.flush()
                }
            }
        case .replay(let number, let epoch): enqueue(.replay(through: number, epoch: epoch))
        case .pinSnapshot(let command, let number): pinSnapshot(number, for: command)
        case .load(let number): enqueue(.load(number))
        case .voidCopies: voidCopies()
        case .beginFeed(let version):
            hub.begin(at: version)
            // Their streams find that the ring has begun anew.
            endCopies()
        case .findTape(let command, let trainer, let batches): findTape(trainer, batches, for: command)
        case .offerTape(let command, let batch): offerTape(batch, for: command)
        case .endTape: endTape()
        case .commanded(let version, let failure): commanded(version, failure)
        case .answer(let batch, let outcome):
            if let offer = pending.removeValue(forKey: batch)?.offer {
                // Whoever is answered finds its batch in the status.
                tellStatus()
                answer(offer, outcome)
            }
        case .part(let part):
            hub.append(part)
            endCopies()
        case .heartbeat(let beat):
            hub.beat(beat)
        case .digest(let digest, let version):
            // Only those who asked before it was published: a later one is answered by its own.
            let isStale = member.hasDigestUnderWay
            guard !isStale else { return }
            let waiters = digestWaiters
            digestWaiters = []
            for waiter in waiters { waiter.told((digest, version)) }
        }
    }

    func deliver(_ batch: BatchID) {
        guard let slices = pending[batch]?.slices(member.epoch) else { return }
        for (owner, bytes) in slices.remote { links?.sendBulk(bytes, to: owner) }
        if let own = slices.own {
            member.received(Envelope(history, epoch: member.epoch, .slice(batch, own)), from: node, now)
        }
    }

    func answer(_ offer: Offer, _ outcome: BatchOutcome) {
        if !outcome.isAcceptance { offer.body.isOver.withLockedValue { $0 = true } }
        queuedByteCount.withLockedValue { $0 -= offer.byteCount }
        offer.answer(outcome, offer.batch)
    }

    func phaseChanged() {
        switch member.phase {
        case .gathering: break
        case .open:
            hasOpened.withLockedValue { $0 = true }
            if hasBeenHeard { tellOpened(nil) }
            let actions = openActions
            openActions = []
            for action in actions { action() }
        case .closed(let reason):
            guard closedReason.withLockedValue({ $0 }) == nil else { return refusePending(reason) }
            closedReason.withLockedValue { $0 = reason }
            tellOpened(reason)
            timer?.timer.cancel()
            hub.end()
            refusePending(reason)
            // Nothing comes any more: whoever waits for rows or a publish has its stream ended by the hub.
            rowReaders = []
            copyEnds = []
            voidSnapshot()
            endTape()
            let waiters = digestWaiters
            digestWaiters = []
            for waiter in waiters { waiter.told(nil) }
            tellSnapshot(nil)
        }
    }

    /// Whether every node that is reached takes traffic for the model.
    var hasBeenHeard: Bool {
        guard !openWaiters.isEmpty else { return true }
        return names.indices.allSatisfy { other in
            other == node || member.heardNodes.contains(other) || links?.isUp(other) != true
        }
    }

    /// Answers who waits for the model to open, though not every node has heard of it.
    package func openUnheard() {
        thread.run { if self.member.phase == .open { self.tellOpened(nil) } }
    }

    func tellOpened(_ reason: String?) {
        guard !openWaiters.isEmpty else { return }
        let waiters = openWaiters
        openWaiters = []
        for waiter in waiters { waiter(reason) }
    }

    func refusePending(_ reason: String) {
        guard !pending.isEmpty else { return }
        let refused = pending.values.map(\.offer)
        pending = [:]
        for offer in refused { answer(offer, .refused("the model is closed: \(reason)")) }
    }

    func scheduleWake() {
        guard let at = member.wakeMilliseconds, timer.map({ at < $0.at }) ?? true else { return }
        timer?.timer.cancel()
        let uptime = now.uptime
        let scheduled = thread.run(after: .milliseconds(Int64(at > uptime ? at - uptime : 0))) {
            self.timer = nil
            self.member.tick(self.now)
            self.look()
            self.flush()
        }
        timer = (at, scheduled)
    }

    /// What is looked up now and then, and when somebody asks.
    func look() {
        pace.tick(member.rounds.rounds.roundCount)
        let (progress, now) = ([member.rounds.rounds.roundCount, member.clock?.number ?? 0], now.uptime)
        if progress != lastProgress.counts { lastProgress = (progress, now) }
        // Every round waits for its owners: what is told is what did not come for a while.
        let isLate = now - lastProgress.at >= UInt64(Limits.Group.lateAfter.seconds * 1000)
        waitsFor = isLate ? member.waitsFor : nil
        abandonStalledCommand()
    }

    func tellStatus() {
        var told = ModelStatus(member, pace, waitsFor: waitsFor)
        told.snapshotVersion = newestSnapshot?.version
        told.mirroredVersion = newestMirrored.withLockedValue { $0?.version }
        status.withLockedValue { $0 = told }
    }
}
