internal import Configuration
internal import DeltaFeed
package import Domain
package import Format
internal import Learning
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
    package let history: History
    package let identity: ModelIdentity
    package let hub: FeedHub
    /// What other threads may know, as of the last batch.
    package let status: Locked<ModelStatus>
    /// Bytes of text waiting to be learned.
    package let queuedByteCount = Locked(0)
    /// Why the model cannot go on, once it cannot.
    package let closedReason = Locked<String?>(nil)

    let node: Int
    private let names: [String]
    private let thread: WorkThread
    private let links: (any PeerSending)?
    private let nextBatchNumber: Locked<UInt64>
    private let started = ContinuousClock.now

    private var member: GroupMember
    /// Batches of this node's intake that are under way.
    private var pending: [BatchID: PendingOffer] = [:]
    private var isStepScheduled = false
    private var timer: (at: UInt64, timer: WorkThread.Timer)?
    private var digestWaiters: [(since: UInt64, told: @Sendable ((WeightDigest, Version)?) -> Void)] = []
    private var openWaiters: [@Sendable (String?) -> Void] = []
    /// Work that wants settled rows, and copies whose last chunk is taken.
    private var rowReaders: [@Sendable (ModelLane) -> Void] = []
    private var copyEnds: [(base: Version, told: @Sendable (Version, Bytes) -> Void)] = []
    private var pace = RoundPace()

    /// - Parameters:
    ///   - thread: where the rows are learned; for a model of several owners the one that carries control links.
    ///   - links: to the other nodes; nil where there are none.
    package init(
        _ identity: ModelIdentity, _ spec: ModelSpec, history: History, publishInterval: Duration, node: Int = 0,
        names: [String] = [""], thread: WorkThread = WorkThread(), links: (any PeerSending)? = nil
    ) {
        name = identity.name
        self.spec = spec
        self.history = history
        self.identity = identity
        self.node = node
        self.names = names
        self.thread = thread
        self.links = links
        nextBatchNumber = Locked(millisecondsSince1970() << 20)
        member = GroupMember(
            identity, spec, history: history, node: node, names: names,
            publishMilliseconds: UInt64(publishInterval.seconds * 1000))
        hub = FeedHub(history: history, version: .zero)
        status = Locked(ModelStatus())
    }

    package var isClock: Bool { identity.owners[0] == node }
    package var isOwner: Bool { identity.owners.contains(node) }

    // MARK: from other threads

    /// The clock gathers the model's owners. `opened` is told nil when all have joined and every node that is reached has
    /// heard of the model, or why the model closed.
    package func gather(_ opened: @escaping @Sendable (String?) -> Void) {
        thread.run {
            self.openWaiters.append(opened)
            self.member.gather(self.now)
            self.flush()
        }
    }

    /// An owner has made room, as the clock asked.
    package func join() {
        thread.run {
            self.member.join()
            self.flush()
        }
    }

    /// A message from another node. On the lane's thread it is taken at once: a round has no hand-off.
    package func receive(_ message: PeerMessage, from other: Int) {
        if thread.isCurrent { take(message, from: other) } else { thread.run { self.take(message, from: other) } }
    }

    /// Another node lives anew.
    package func restarted(_ other: Int) {
        thread.run {
            self.member.restarted(other, self.now)
            self.flush()
        }
    }

    /// Takes a batch; its `answer` is called once, on the lane's thread.
    package func submit(_ offer: Offer) {
        queuedByteCount.withLockedValue { $0 += offer.byteCount }
        let number = nextBatchNumber.withLockedValue { number in
            number += 1
            return number
        }
        let pending = PendingOffer(offer, as: BatchID(node: node, number: number), identity, history, node: node)
        thread.run { self.take(pending) }
    }

    /// What is remembered of a trainer, or nil for a name never heard.
    package func mark(of trainer: ModelName) async -> TrainerMark? {
        await thread.call { self.member.clock?.marks.trainers[trainer] }
    }

    /// Publishes now, with all rows as the digest's range; `told` gets the digest of all owners' rows, or nil when the
    /// model is closed or an owner does not answer.
    package func publishDigest(_ told: @escaping @Sendable ((WeightDigest, Version)?) -> Void) {
        thread.run {
            guard self.closedReason.withLockedValue({ $0 }) == nil else { return told(nil) }
            let now = self.now
            self.digestWaiters.append((now.uptime, told))
            self.member.publishDigest(now)
            self.flush()
            self.after(Limits.Group.answerWait) { lane in lane.expireDigests() }
        }
    }

    private func expireDigests() {
        let limit = UInt64(Limits.Group.answerWait.seconds * 1000)
        let late = digestWaiters.filter { $0.since + limit <= now.uptime }
        digestWaiters.removeAll { waiter in waiter.since + limit <= now.uptime }
        for waiter in late { waiter.told(nil) }
    }

    /// The record that begins a feed which needs no copy.
    package var specRecord: Bytes {
        var bytes: [UInt8] = []
        appendSpec(spec.yaml, stamp: stamp(from: .zero, to: .zero), to: &bytes)
        return Bytes(bytes: bytes)
    }

    /// Runs work that reads the rows, as soon as they hold nothing tentative: a chunk of a copy.
    package func runWithRows(_ body: @escaping @Sendable (ModelLane) -> Void) {
        thread.run {
            self.rowReaders.append(body)
            self.flush()
        }
    }

    /// Runs `body` on the lane's thread after a delay.
    package func after(_ delay: Duration, _ body: @escaping @Sendable (ModelLane) -> Void) {
        thread.run(after: delay) { body(self) }
    }

    /// Ends the lane: what still waits is refused. The clock tells the other nodes.
    package func close(_ reason: String) async {
        await thread.call {
            self.member.close(reason)
            self.flush()
        }
    }

    /// As above, for a model that is to be forgotten.
    package func delete() async {
        await thread.call {
            self.member.delete()
            self.flush()
        }
    }

    /// The status with the area under the curve, which takes a pass over its bins.
    package func fullStatus() async -> ModelStatus {
        await thread.call {
            self.tellStatus()
            var status = self.status.withLockedValue { $0 }
            status.auc = self.member.validationAUC
            return status
        }
    }

    // MARK: on the lane's thread

    private var now: GroupMember.Now {
        GroupMember.Now(
            uptime: UInt64((ContinuousClock.now - started).seconds * 1000), wall: millisecondsSince1970())
    }

    private func take(_ pending: PendingOffer) {
        thread.precondition()
        let offer = pending.offer
        if case .closed(let reason) = member.phase { return answer(offer, .refused("the model is closed: \(reason)")) }
        guard !offer.body.isOver.withLockedValue({ $0 }) else {
            return answer(offer, .refused("a batch before it in this body was not taken"))
        }
        if let late = unreached { return answer(offer, .refused("\(late), which owns rows of the model, is not reached")) }
        guard ContinuousClock.now < offer.refusedAfter else {
            return answer(offer, .refused("the model is busy: the batch was not taken within 2 s"))
        }
        self.pending[pending.batch] = pending
        member.offered(pending.batchOffer, now)
        flush()
    }

    /// The name of an owner that has been cut off for so long that its link holds as much as may wait there.
    private var unreached: String? {
        guard let links else { return nil }
        return identity.owners.first { $0 != node && !links.hasRoom($0, clock: $0 == identity.owners[0]) }.map { names[$0] }
    }

    private func take(_ message: PeerMessage, from other: Int) {
        thread.precondition()
        member.received(message, from: other, now)
        flush()
    }

    /// Does what the member decided.
    private func flush() {
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
        pace.decided(member.rounds.round, isInBatch: member.clock?.current != nil)
        phaseChanged()
        scheduleWake()
        tellStatus()
    }

    private func carryOut(_ output: GroupMember.Output) {
        switch output {
        case .send(let message, let node): links?.send(Envelope(history, message), to: node)
        case .deliver(let batch): deliver(batch)
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
            // The batch that a copy's end waited for may have had no example.
            if member.isPublished { endCopies() }
        case .digest(let digest, let version):
            // Only those who asked before it was published: a later one is answered by its own.
            let isStale = member.hasDigestUnderWay
            guard !isStale else { return }
            let waiters = digestWaiters
            digestWaiters = []
            for waiter in waiters { waiter.told((digest, version)) }
        }
    }

    private func deliver(_ batch: BatchID) {
        guard let slices = pending[batch]?.takeSlices() else { return }
        for (owner, bytes) in slices.remote { links?.sendBulk(bytes, to: owner) }
        if let own = slices.own { member.received(.slice(batch, own), from: node, now) }
    }

    private func answer(_ offer: Offer, _ outcome: BatchOutcome) {
        if !outcome.isAcceptance { offer.body.isOver.withLockedValue { $0 = true } }
        queuedByteCount.withLockedValue { $0 -= offer.byteCount }
        offer.answer(outcome, offer.batch)
    }

    private func phaseChanged() {
        switch member.phase {
        case .gathering: break
        case .open: if hasBeenHeard { tellOpened(nil) }
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
            let waiters = digestWaiters
            digestWaiters = []
            for waiter in waiters { waiter.told(nil) }
        }
    }

    /// Whether every node that is reached takes traffic for the model.
    private var hasBeenHeard: Bool {
        guard !openWaiters.isEmpty else { return true }
        return names.indices.allSatisfy { other in
            other == node || member.heardNodes.contains(other) || links?.isUp(other) != true
        }
    }

    /// Answers who waits for the model to open, though not every node has heard of it.
    package func openUnheard() {
        thread.run { if self.member.phase == .open { self.tellOpened(nil) } }
    }

    private func tellOpened(_ reason: String?) {
        guard !openWaiters.isEmpty else { return }
        let waiters = openWaiters
        openWaiters = []
        for waiter in waiters { waiter(reason) }
    }

    private func refusePending(_ reason: String) {
        guard !pending.isEmpty else { return }
        let refused = pending.values.map(\.offer)
        pending = [:]
        for offer in refused { answer(offer, .refused("the model is closed: \(reason)")) }
    }

    private func scheduleWake() {
        guard let at = member.wakeMilliseconds, timer.map({ at < $0.at }) ?? true else { return }
        timer?.timer.cancel()
        let uptime = now.uptime
        let scheduled = thread.run(after: .milliseconds(Int64(at > uptime ? at - uptime : 0))) {
            self.timer = nil
            self.member.tick(self.now)
            self.flush()
        }
        timer = (at, scheduled)
    }

    private func tellStatus() {
        pace.tick(member.rounds.round)
        let told = ModelStatus(member, pace, names)
        status.withLockedValue { $0 = told }
    }

    // MARK: copies

    /// Begins a copy: its first bytes, and the number of the first part that must be applied to it.
    ///
    /// Chunks are taken when nothing is tentative, so a row may be newer in its chunk than in a part that follows; the
    /// parts up to the copy's end bring every such row to the end's version.
    package func beginCopy() -> (copy: LaneCopy, bytes: Bytes, endNumber: UInt64) {
        thread.precondition()
        let (version, endNumber) = hub.position
        let shard = Shard(identity.owners.firstIndex(of: node) ?? 0, of: identity.owners.count)
        let stream = CopyStream(
            spec: spec, shard: shard, history: history, version: version,
            watermarkMilliseconds: millisecondsSince1970())
        let copy = LaneCopy(stream, version: version)
        return (copy, Bytes(bytes: stream.begin()), endNumber)
    }

    /// The next chunk, or nil behind the last.
    package func chunk(of copy: LaneCopy) -> Bytes? {
        thread.precondition()
        guard let range = copy.stream.nextRange else { return nil }
        member.weights(range, into: &copy.weights)
        return Bytes(bytes: copy.stream.chunk(copy.weights))
    }

    /// Ends a copy at a publish: every row of its chunks is that of the publish's version, once the parts are applied.
    ///
    /// - Parameter told: the version that the copy is, and the record that says so.
    package func endCopy(_ copy: LaneCopy, _ told: @escaping @Sendable (Version, Bytes) -> Void) {
        thread.precondition()
        copyEnds.append((copy.version, told))
        if member.isPublished { endCopies() } else { member.publishSoon(now) }
        flush()
    }

    private func endCopies() {
        let ends = copyEnds
        copyEnds = []
        for end in ends {
            var bytes: [UInt8] = []
            appendMark(.copyEnd, stamp: stamp(from: end.base, to: hub.position.version), to: &bytes)
            end.told(hub.position.version, Bytes(bytes: bytes))
        }
    }

    /// Lets whoever waits read rows, one between two rounds, so that a round is held up by one chunk at most.
    private func readRows() {
        while !rowReaders.isEmpty {
            guard member.hasSettledRows else {
                member.wantsPause = true
                return
            }
            rowReaders.removeFirst()(self)
            guard member.isPaused else { continue }
            member.resume(now)
            return flush()
        }
        // Nobody is left to pause for, or the last reader came between two batches.
        guard member.wantsPause else { return }
        member.resume(now)
        if !member.outputs.isEmpty { flush() }
    }

    private func stamp(from base: Version, to version: Version) -> RecordStamp {
        RecordStamp(
            history: history, baseVersion: base, version: version, watermarkMilliseconds: millisecondsSince1970(),
            fingerprint: spec.fingerprint, ownerIndex: UInt16(identity.owners.firstIndex(of: node) ?? 0),
            ownerCount: UInt16(identity.owners.count))
    }
}
