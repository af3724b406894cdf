internal import Domain
internal import ParameterServer

/// Messages as a cluster without one of the rules would send them.
extension Simulation {
    func sabotaged(_ message: PeerMessage, _ node: SimulatedNode, _ to: Int) -> [PeerMessage] {
        switch (sabotage, message) {
        case (.ordersBeforeDelivery, .grant(let batch)):
            for owner in owners where owner != owners[0] { forge(.arrived(batch), from: owner) }
            forge(.arrived(batch), from: owners[0])
        case (.acknowledgesBeforeLearned, .commit(let header)):
            for owner in owners {
                forge(.durable(number: header.number, hash: header.hash, clampedCount: 0), from: owner)
            }
        case (.commitsInsideBatches, .residuals(let told)) where told.window > 0:
            let clock = node.member.clock!
            var header = emptyHeader
            (header.number, header.previousHash) = (clock.number + 1, clock.hash)
            header.version = clock.position + told.accepted
            return [message, .commit(header)]
        case (.publishesElsewhere, .publish) where to == owners.last:
            delayedPublish.append(message)
            return []
        case (.publishesElsewhere, .commit) where to == owners.last && !delayedPublish.isEmpty:
            return [message, delayedPublish.removeFirst()]
        case (.acceptsUnsettled, .residuals(var told)) where told.residuals.count > 1 && told.window > 1:
            told.accepted += 1
            told.window -= 1
            told.residuals.removeFirst()
            return [.residuals(told)]
        case (.beginsAtTheLatest, .joined(var joined)):
            if let log = nodes[owners[0]]?.member.log, log.number > joined.number {
                (joined.number, joined.hash) = (log.number, log.hash)
            }
            return [.joined(joined)]
        case (.forgetsTheFloor, .joined(var joined)):
            joined.stableNumber = 0
            return [.joined(joined)]
        default: break
        }
        return [message]
    }

    /// Whether a node without one of the rules about disks goes on as if the entry were on the disk.
    func isToldBeforeSync(_ entry: JournalEntry) -> Bool {
        switch (sabotage, entry) {
        case (.acknowledgesBeforeSync, .commit), (.ordersBeforeCut, .cut): true
        default: false
        }
    }

    private func forge(_ message: PeerMessage, from owner: Int) {
        guard let clock = nodes[owners[0]] else { return }
        clock.member.received(Envelope(history, epoch: clock.member.epoch, message), from: owner, time)
    }
}
