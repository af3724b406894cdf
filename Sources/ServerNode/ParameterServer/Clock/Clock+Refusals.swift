internal import Domain

/// Batches that are not learned: given up, replaced by their retry, or behind one that was not taken.
extension Clock {
    /// Takes a batch that is not ordered out of everything.
    mutating func forget(_ batch: BatchID) {
        guard let known = batches.removeValue(forKey: batch) else { return }
        switch known.state {
        case .waiting: waiting.removeAll { $0 == batch }
        case .granted, .ready:
            release(known.offer)
            ready.removeAll { $0 == batch }
            effects.append(.drop(batch))
        case .ordered: preconditionFailure("an ordered batch is learned")
        }
        retries.removeAll { $0 == batch }
        guard let name = known.offer.name, turns[name.trainer]?.batches[name.sequence] == batch else { return }
        turns[name.trainer]?.batches[name.sequence] = nil
        if known.state != .waiting { turns[name.trainer]?.nextGranted = name.sequence }
        if turns[name.trainer]?.batches.isEmpty == true { turns[name.trainer] = nil }
    }

    /// Drops a batch, and those of its trainer behind it that have places: without it they would keep them in vain.
    mutating func drop(_ batch: BatchID) {
        guard let known = batches[batch] else { return }
        forget(batch)
        guard let name = known.offer.name, known.state != .waiting, let turns = turns[name.trainer] else { return }
        for (_, next) in turns.batches.filter({ $0.key > name.sequence }).sorted(by: { $0.key < $1.key })
        where batches[next].map({ $0.state == .granted || $0.state == .ready }) == true {
            forget(next)
            effects.append(.answer(next, .gap(next: name.sequence)))
        }
        self.turns[name.trainer]?.nextGranted = name.sequence
    }

    /// A retry waits for what becomes of the batch that came first.
    mutating func retry(_ offer: BatchOffer, _ now: UInt64) {
        let deadline = now + UInt64(Limits.Group.retryWait.components.seconds) * 1000
        batches[offer.batch] = Batch(offer: offer, deadlineMilliseconds: deadline)
        retries.append(offer.batch)
    }

    mutating func offerRetriesAgain(_ now: UInt64) {
        for batch in retries {
            guard let offer = batches[batch]?.offer, let name = offer.name else { continue }
            // Its number is still held by another batch, or learned and not stable.
            if turns[name.trainer]?.batches[name.sequence] != nil { continue }
            if isUnstable(name) { continue }
            retries.removeAll { $0 == batch }
            batches[batch] = nil
            offered(offer, atMilliseconds: now)
        }
    }

    /// A batch whose intake does not deliver gives way to the retry that waited for it.
    mutating func replaceStalled(_ now: UInt64) {
        for batch in retries {
            guard let known = batches[batch], known.deadlineMilliseconds <= now, let name = known.offer.name,
                let holder = turns[name.trainer]?.batches[name.sequence], let held = batches[holder]
            else { continue }
            guard held.state == .granted, held.arrivedOwners.nonzeroBitCount < ownerCount else { continue }
            drop(holder)
            effects.append(.answer(holder, .refused("its retry came by another node")))
        }
        offerRetriesAgain(now)
    }

    mutating func refuse(_ offer: BatchOffer, _ reason: String) { answer(offer, .refused(reason)) }

    mutating func answer(_ offer: BatchOffer, _ outcome: BatchOutcome) {
        effects.append(.answer(offer.batch, outcome))
        guard !outcome.isAcceptance else { return }
        closeBody(of: offer)
    }

    /// Nothing of a body is learned behind a batch that is not taken: the last line of its answer is the last word.
    mutating func closeBody(of offer: BatchOffer) {
        let body = Body(node: offer.batch.node, number: offer.body)
        guard !overBodies.contains(body) else { return }
        overBodies.append(body)
        if overBodies.count > Limits.Group.overBodyCountMax { overBodies.removeFirst() }
        let rest = batches.filter {
            $0.key.node == body.node && $0.value.offer.body == body.number && $0.value.state != .ordered
        }
        for batch in rest.keys.sorted(by: { $0.number < $1.number }) where batches[batch] != nil {
            drop(batch)
            effects.append(.answer(batch, .refused(Self.behindRefused)))
        }
    }

    /// Nothing is taken from here on; what is not ordered is refused.
    mutating func freeze(_ reason: String) {
        frozenReason = reason
        let rest = batches.filter { $0.value.state != .ordered }.keys
        for batch in rest.sorted(by: { ($0.node, $0.number) < ($1.node, $1.number) }) {
            guard let offer = batches[batch]?.offer else { continue }
            drop(batch)
            answer(offer, .refused(reason))
        }
    }

    /// Batches of a tape are taken no more; what is not ordered of them is refused.
    mutating func endReplays() {
        takesReplays = false
        let rest = batches.filter { $0.value.offer.isReplay && $0.value.state != .ordered }.keys
        for batch in rest.sorted(by: { ($0.node, $0.number) < ($1.node, $1.number) }) {
            guard let offer = batches[batch]?.offer else { continue }
            drop(batch)
            answer(offer, .refused(Self.replaysEnded))
        }
    }

    static let replaysEnded = "the model does not un-learn any more"
    static let frozen = "the model is frozen: nothing is learned until an operator thaws it"
    static let behindRefused = "a batch before it in this body was not taken"
}
