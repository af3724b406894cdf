internal import Domain

/// Which batches have places at the owners, and whose turn it is.
extension Clock {
    static let busy = "the model is busy: the batch was not taken within 2 s"

    mutating func wait(_ offer: BatchOffer, _ now: UInt64) {
        if offer.isReplay {
            guard takesReplays else { return refuse(offer, Self.replaysEnded) }
        } else if let frozenReason {
            return refuse(offer, frozenReason)
        }
        if let name = offer.name {
            guard waiting.count < Limits.Training.earlyParkedMax else {
                return answer(offer, .gap(next: expected(of: name.trainer)))
            }
            let next = marks.next(of: name.trainer)
            turns[name.trainer, default: Turns(nextGranted: next, nextOrdered: next)].batches[name.sequence] =
                offer.batch
        }
        let deadline = now + UInt64(Limits.Training.grantWait.components.seconds) * 1000
        batches[offer.batch] = Batch(offer: offer, deadlineMilliseconds: deadline)
        if !tryGrant(offer.batch) { waiting.append(offer.batch) }
    }

    mutating func grantWhatFits() {
        guard !waiting.isEmpty else { return }
        for batch in waiting where batches[batch]?.state == .waiting { _ = tryGrant(batch) }
        waiting.removeAll { batches[$0]?.state != .waiting }
    }

    /// Grants a batch whose predecessors have places, if its intake has room for one more; then those it held up.
    mutating func tryGrant(_ batch: BatchID) -> Bool {
        guard let offer = batches[batch]?.offer else { return false }
        if let name = offer.name {
            guard let turns = turns[name.trainer], turns.nextGranted == name.sequence else { return false }
        }
        let used = grantedByteCounts[batch.node, default: 0]
        guard used == 0 || used + offer.byteCount <= Limits.Group.grantedByteCountMax else { return false }
        grantedByteCounts[batch.node] = used + offer.byteCount
        batches[batch]?.state = .granted
        effects.append(.grant(batch))
        if let name = offer.name {
            turns[name.trainer]?.nextGranted += 1
            if let next = turns[name.trainer]?.batches[name.sequence + 1], tryGrant(next) {
                waiting.removeAll { $0 == next }
            }
        }
        return true
    }

    mutating func makeReady(_ batch: BatchID) {
        guard let known = batches[batch], known.state == .granted else { return }
        guard known.arrivedOwners.nonzeroBitCount == ownerCount else { return }
        if let name = known.offer.name {
            guard let turns = turns[name.trainer], turns.nextOrdered == name.sequence else { return }
        }
        batches[batch]?.state = .ready
        ready.append(batch)
    }

    /// The places a batch had are free again.
    mutating func release(_ offer: BatchOffer) {
        let left = grantedByteCounts[offer.batch.node, default: 0] - offer.byteCount
        grantedByteCounts[offer.batch.node] = left > 0 ? left : nil
    }

    mutating func finishTurn(of name: Offer.Name) {
        turns[name.trainer]?.batches[name.sequence] = nil
        if turns[name.trainer]?.batches.isEmpty == true { turns[name.trainer] = nil }
    }
}
