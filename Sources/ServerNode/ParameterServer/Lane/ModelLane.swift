internal import Configuration
internal import DeltaFeed
package import Domain
package import Format
internal import Learning
internal import Scoring
package import Transport

/// A model on this node: the one thread that owns its rows, and everything that happens to them in order.
///
///     offer ─▶ clock (which batch is next) ─▶ learner ─▶ commit = answer the trainer ─▶ publisher ─▶ feed hub
///
/// Safe because every mutable property is touched on `thread` only, which each method that touches them checks;
/// other threads read `status` and send work through `thread`.
package final class ModelLane: @unchecked Sendable {
    package let name: ModelName
    package let spec: ModelSpec
    package let history: History
    package let hub: FeedHub
    /// What other threads may know, as of the last batch.
    package let status: Locked<ModelStatus>
    /// Bytes of text waiting for the lane.
    package let queuedByteCount = Locked(0)
    private let isOpen = Locked(true)
    private let thread = WorkThread()
    private let publishInterval: Duration

    private var learner: Learner
    private var clock = Clock()
    private var early = EarlyBatches<Offer>()
    private var publisher: Publisher
    private let started = ContinuousClock.now
    private var lastPublish = ContinuousClock.now
    private var publishTimer: WorkThread.Timer?
    private var markedFeatureCount = 0
    private var isClosed = false

    package init(name: ModelName, spec: ModelSpec, history: History, publishInterval: Duration) {
        self.name = name
        self.spec = spec
        self.history = history
        self.publishInterval = publishInterval
        learner = Learner(spec)
        hub = FeedHub(history: history, version: .zero)
        publisher = Publisher(spec, history: history, version: .zero)
        status = Locked(ModelStatus())
        scheduleHeartbeat()
    }

    // MARK: from other threads

    /// Takes a batch; its `answer` is called once, on the lane's thread.
    package func submit(_ offer: Offer) {
        queuedByteCount.withLockedValue { $0 += offer.byteCount }
        let isTaken = isOpen.withLockedValue { isOpen in
            if isOpen { thread.run { self.take(offer) } }
            return isOpen
        }
        if !isTaken { answer(offer, .refused("the model was deleted")) }
    }

    /// What is remembered of a trainer, or nil for a name never heard.
    package func mark(of trainer: ModelName) async -> TrainerMark? {
        await thread.call { self.clock.trainers[trainer] }
    }

    /// Publishes now, with all rows as the digest's range.
    package func publishDigest() async -> (digest: WeightDigest, version: Version) {
        await thread.call {
            self.publish(digestsAllRows: true)
            return (self.learner.digest, self.publisher.version)
        }
    }

    /// The record that begins a feed which needs no copy.
    package var specRecord: Bytes {
        let stamp = RecordStamp(
            history: history, baseVersion: .zero, version: .zero, watermarkMilliseconds: 0,
            fingerprint: spec.fingerprint)
        var bytes: [UInt8] = []
        appendSpec(spec.yaml, stamp: stamp, to: &bytes)
        return Bytes(bytes: bytes)
    }

    /// Runs work that needs the rows between two batches: a chunk of a copy.
    package func run(_ body: @escaping @Sendable (ModelLane) -> Void) {
        thread.run { body(self) }
    }

    /// Ends the lane: what still waits is refused.
    package func close() async {
        // What is submitted until here is answered below; what comes later is refused at once.
        isOpen.withLockedValue { $0 = false }
        await thread.call {
            self.isClosed = true
            self.hub.end()
            self.publishTimer?.cancel()
            for (_, _, offer) in self.early.takeExpired(atMilliseconds: .max) {
                self.answer(offer, .refused("the model was deleted"))
            }
        }
    }

    // MARK: on the lane's thread

    private func take(_ offer: Offer) {
        thread.precondition()
        guard !isClosed else { return answer(offer, .refused("the model was deleted")) }
        guard !offer.body.isOver.withLockedValue({ $0 }) else {
            return answer(offer, .refused("a batch before it in this body was not taken"))
        }
        guard ContinuousClock.now < offer.refusedAfter else {
            return answer(offer, .refused("the model is busy: the batch was not taken within 2 s"))
        }
        guard let name = offer.name else { return learn(offer) }
        let now = millisecondsSince1970()
        switch clock.offered(by: name.trainer, name.sequence, digest: name.digest, atMilliseconds: now) {
        case .order:
            learn(offer)
            while let next = early.take(name.trainer, clock.next(of: name.trainer)) { learn(next) }
        case .wait: park(offer, name)
        case .duplicate(let version): answer(offer, .duplicate(version, history))
        case .gap(let next): answer(offer, .gap(next: next))
        case .conflict: answer(offer, .conflict)
        case .tooManyTrainers:
            answer(offer, .refused("the model remembers \(Limits.Training.trainerCountMax) trainers already"))
        }
    }

    private func learn(_ offer: Offer) {
        learner.learn(offer.batch)
        publisher.learned(offer.batch)
        markedFeatureCount += offer.batch.featureCount
        if let name = offer.name {
            clock.ordered(
                by: name.trainer, digest: name.digest, version: version, atMilliseconds: millisecondsSince1970())
        }
        // Without a journal a commit is durable when it is learned: the batch's end is the commit.
        // Whoever is answered finds its batch in the status.
        tellStatus()
        answer(offer, .learned(version, history))
        publishIfDue()
    }

    private func park(_ offer: Offer, _ name: Offer.Name) {
        guard early.count < Limits.Training.earlyParkedMax else {
            return answer(offer, .gap(next: clock.next(of: name.trainer)))
        }
        let wait = UInt64(Limits.Training.earlyWait.components.seconds) * 1000
        if let replaced = early.park(offer, name.trainer, name.sequence, untilMilliseconds: uptimeMilliseconds + wait) {
            answer(replaced, .gap(next: clock.next(of: name.trainer)))
        }
        thread.run(after: Limits.Training.earlyWait) {
            for (trainer, _, offer) in self.early.takeExpired(atMilliseconds: self.uptimeMilliseconds) {
                self.answer(offer, .gap(next: self.clock.next(of: trainer)))
            }
        }
    }

    private func answer(_ offer: Offer, _ outcome: BatchOutcome) {
        if !outcome.isAcceptance { offer.body.isOver.withLockedValue { $0 = true } }
        queuedByteCount.withLockedValue { $0 -= offer.byteCount }
        offer.answer(outcome, offer.batch)
    }

    /// Time that no one sets: what waits is not held by a clock that steps back.
    private var uptimeMilliseconds: UInt64 { UInt64((ContinuousClock.now - started).seconds * 1000) }

    /// The version of the last batch learned.
    private var version: Version { Version(learner.exampleCount) }

    // MARK: publishing

    private func publishIfDue() {
        guard version > publisher.version else { return }
        let since = ContinuousClock.now - lastPublish
        if since >= publishInterval || markedFeatureCount >= Limits.Feed.markedFeatureCountMax {
            publish()
        } else if publishTimer == nil {
            publishTimer = thread.run(after: publishInterval - since) { self.publish() }
        }
    }

    /// At a commit: no batch is half learned between two pieces of the lane's work.
    private func publish(digestsAllRows: Bool = false) {
        publishTimer?.cancel()
        publishTimer = nil
        guard version > publisher.version || digestsAllRows else { return }
        let part = publisher.publish(
            learner, at: version, watermarkMilliseconds: millisecondsSince1970(), digestsAllRows: digestsAllRows)
        markedFeatureCount = 0
        lastPublish = .now
        hub.append(part)
        tellStatus()
    }

    private func scheduleHeartbeat() {
        thread.run(after: Limits.Feed.heartbeatInterval) {
            guard !self.isClosed else { return }
            if self.version == self.publisher.version {
                self.hub.beat(self.publisher.heartbeat(watermarkMilliseconds: millisecondsSince1970()))
            }
            self.scheduleHeartbeat()
        }
    }

    private func tellStatus() {
        let (version, publisherVersion) = (version, publisher.version)
        let (rows, bytes) = (publisher.publishedRowCount, publisher.publishedByteCount)
        let (total, window, clamped) = (learner.validation.total, learner.validation.window, learner.clampedCount)
        status.withLockedValue { status in
            status.version = version
            status.publishedVersion = publisherVersion
            status.publishedRowCount = rows
            status.publishedByteCount = bytes
            status.total = total
            status.window = window
            status.clampedCount = clamped
        }
    }

    /// The status with the area under the curve, which takes a pass over its bins.
    package func fullStatus() async -> ModelStatus {
        await thread.call {
            var status = self.status.withLockedValue { $0 }
            status.auc = self.learner.validation.auc
            return status
        }
    }

    // MARK: copies, on the lane's thread

    /// Begins a copy: its first bytes, and the number of the first part that must be applied to it.
    ///
    /// Chunks are taken between batches, so a row may be newer in its chunk than in a part that follows; the parts up
    /// to the copy's end bring every such row to the end's version.
    package func beginCopy() -> (copy: LaneCopy, bytes: Bytes, endNumber: UInt64) {
        thread.precondition()
        let (version, endNumber) = hub.position
        let stream = CopyStream(
            spec: spec, history: history, version: version, watermarkMilliseconds: millisecondsSince1970())
        let copy = LaneCopy(stream, version: version)
        return (copy, Bytes(bytes: stream.begin()), endNumber)
    }

    /// The next chunk, or nil behind the last.
    package func chunk(of copy: LaneCopy) -> Bytes? {
        thread.precondition()
        guard let range = copy.stream.nextRange else { return nil }
        learner.weights(range, into: &copy.weights)
        return Bytes(bytes: copy.stream.chunk(copy.weights))
    }

    /// Ends a copy at a commit: what was learned meanwhile is published now.
    ///
    /// - Returns: the version that the copy is, once every part up to it was applied, and the record that says so.
    package func endCopy(_ copy: LaneCopy) -> (version: Version, bytes: Bytes) {
        thread.precondition()
        publish()
        let stamp = RecordStamp(
            history: history, baseVersion: copy.version, version: publisher.version,
            watermarkMilliseconds: millisecondsSince1970(), fingerprint: spec.fingerprint)
        var bytes: [UInt8] = []
        appendMark(.copyEnd, stamp: stamp, to: &bytes)
        return (publisher.version, Bytes(bytes: bytes))
    }
}
