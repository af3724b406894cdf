package import Domain
package import Format
package import Transport

/// What other threads may ask of a lane.
extension ModelLane {
    /// The clock gathers the model's owners. `opened` is told nil when all have joined and every node that is reached has
    /// heard of the model, or why the model closed.
    package func gather(_ opened: @escaping @Sendable (String?) -> Void) {
        thread.run {
            self.openWaiters.append(opened)
            self.member.gather(self.now)
            self.flush()
        }
    }

    /// Whether followers may have rows from here.
    package var servesFollowers: Bool { isOwner && hasOpened.withLockedValue { $0 } }

    /// A message from another node. On the lane's thread it is taken at once: a round has no hand-off.
    package func receive(_ envelope: Envelope, from other: Int) {
        if thread.isCurrent { take(envelope, from: other) } else { thread.run { self.take(envelope, from: other) } }
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
        let pending = newPending(offer)
        tape?.append(history, .batch(pending.batch, trainer: offer.name?.trainer, offer.batch))
        thread.run { self.take(pending) }
    }

    /// A batch under a number of this node's own.
    func newPending(_ offer: Offer, isReplay: Bool = false) -> PendingOffer {
        let number = nextBatchNumber.withLockedValue { number in
            number += 1
            return number
        }
        return PendingOffer(
            offer, as: BatchID(node: node, number: number), identity, history, epoch: epoch.withLockedValue { $0 },
            node: node, isReplay: isReplay)
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

    func expireDigests() {
        let limit = UInt64(Limits.Group.answerWait.seconds * 1000)
        let late = digestWaiters.filter { $0.since + limit <= now.uptime }
        digestWaiters.removeAll { waiter in waiter.since + limit <= now.uptime }
        for waiter in late { waiter.told(nil) }
    }

    /// The record that begins a feed which needs no copy.
    package var specRecord: Bytes {
        var bytes: [UInt8] = []
        appendSpec(currentSpec.yaml, stamp: stamp(from: .zero, to: .zero), to: &bytes)
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

    /// Ends the lane with its node. With a journal the model goes on when the node begins again.
    package func stop() async {
        await thread.call {
            if self.journal == nil { self.member.close("its node stops") } else { self.member.stop() }
            self.flush()
        }
    }

    /// Ends the lane: what still waits is refused. The clock tells the other nodes.
    package func close(_ reason: String) async {
        await thread.call {
            self.member.close(reason)
            self.flush()
        }
    }

    /// Another model took its name: this one ends.
    package func supersede() {
        thread.run {
            self.member.close("it was created anew")
            self.flush()
        }
    }

    /// The other is in use: nothing is kept of this one, but what a mirror has.
    package func forgetSuperseded() {
        thread.run {
            self.member.forget()
            self.flush()
        }
    }

    /// Runs `body` when the model is open, if it ever is.
    package func whenOpen(_ body: @escaping @Sendable () -> Void) {
        thread.run {
            self.openActions.append(body)
            self.phaseChanged()
        }
    }

    /// Ends the lane of a model that is deleted: the clock tells the other nodes. Answers when this node's disk has forgotten it.
    package func delete() async {
        await withCheckedContinuation { continuation in
            thread.run {
                self.forgottenWaiters.append { continuation.resume() }
                self.member.delete()
                self.flush()
                if self.journal == nil || !self.isOwner { self.tellForgotten() }
            }
        }
    }

    func tellForgotten() {
        let waiters = forgottenWaiters
        forgottenWaiters = []
        for waiter in waiters { waiter() }
    }

    /// The status with the area under the curve, which takes a pass over its bins.
    package func fullStatus() async -> ModelStatus {
        await thread.call {
            self.look()
            self.tellStatus()
            var status = self.status.withLockedValue { $0 }
            status.auc = self.member.validationAUC
            return status
        }
    }
}
