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
            let header = CommitHeader(
                history: history, number: clock.number + 1, previousHash: clock.hash, stableNumber: clock.stableNumber,
                version: clock.version + told.accepted, exampleCount: 0, acceptedLately: 0, windowMax: 8,
                fingerprint: spec.fingerprint, batches: [])
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
        default: break
        }
        return [message]
    }

    private func forge(_ message: PeerMessage, from owner: Int) {
        guard let clock = nodes[owners[0]] else { return }
        clock.member.received(message, from: owner, time)
    }
}
