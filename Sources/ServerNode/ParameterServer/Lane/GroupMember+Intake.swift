internal import Configuration
internal import Domain

/// The intake's side of a member: batches that wait for an answer.
extension GroupMember {
    /// The clock says that an epoch has begun: it knows nothing of what was offered before.
    mutating func opened(_ epoch: UInt32) {
        guard epoch >= self.epoch, !isClock else { return }
        // It may be said twice: the clock still knows what it was offered in this epoch.
        let isNews = epoch > self.epoch || phase != .open
        self.epoch = epoch
        phase = .open
        send(.heard, to: clockNode)
        if isNews { offerAgain() }
    }

    mutating func offerAgain() {
        for batch in offeredAt.keys.sorted(by: { $0.number < $1.number }) { outputs.append(.offerAgain(batch)) }
    }

    mutating func granted(_ batch: BatchID) {
        guard offeredAt[batch] != nil else { return withdraw(batch) }
        outputs.append(.deliver(batch))
    }

    mutating func answer(_ batch: BatchID, _ outcome: BatchOutcome) {
        guard offeredAt.removeValue(forKey: batch) != nil else { return }
        outputs.append(.answer(batch, outcome))
    }

    /// Gives up batches that were not answered in time. A named one may be sent again: it is learned once all the same.
    mutating func expireOffers(_ now: Now) {
        let wait = UInt64(Limits.Group.answerWait.seconds * 1000)
        let late = offeredAt.filter { $0.value + wait <= now.uptime }.keys
        for batch in late.sorted(by: { $0.number < $1.number }) {
            let reason = waitsFor ?? "\(names[clockNode]), where its clock is"
            answer(batch, .refused("not learned within \(wait / 1000) s; the model waits for \(reason)"))
            withdraw(batch)
        }
    }

    mutating func withdraw(_ batch: BatchID) {
        guard clock != nil else { return send(.withdraw(batch), to: clockNode) }
        clock?.withdrawn(batch)
    }
}
