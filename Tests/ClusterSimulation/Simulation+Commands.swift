internal import Domain
internal import ParameterServer

/// An operator at the clock's node.
extension Simulation {
    /// Rolls the model back, freezes it, changes its rates; when nothing more goes wrong it is thawed.
    func command() throws(Oracle.Violation) {
        guard owners.count > 1 || journals, let node = nodes[owners[0]], node.member.phase == .open else { return }
        let isFrozen = node.member.standing.isFrozen
        guard commandsLeft > 0 || isFrozen else { return }
        // What this forbids takes the older of two snapshots.
        if sabotage == .forgetsRestored && keptByAll.count < 2 { return }
        commandsLeft -= 1
        // A refusal is an answer, too.
        _ = node.member.begin(isFrozen ? .freeze(false) : anyCommand(node), time)
        flush(owners[0])
        try check(owners[0])
    }

    private var keptByAll: [UInt64] {
        let kept = owners.map { Set(disks[$0].snapshots.map(\.footer.header.number)) }
        return kept.dropFirst().reduce(kept[0]) { $0.intersection($1) }.sorted()
    }

    private func anyCommand(_ node: SimulatedNode) -> GroupMember.Command {
        let kept = keptByAll
        if sabotage == .forgetsRestored { return .restore(number: kept[0]) }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .freeze(true)
        case 1:
            let rate = [0.1, 0.2, 0.5].randomElement(using: &random)! as Float
            switch spec.learner {
            case .ftrl:
                return .rates(.ftrl(alpha: rate, beta: 1, l1: 0.02, l2: 0.01), instead: node.member.standing.learner)
            case .adagrad: return .rates(.adagrad(rate: rate), instead: node.member.standing.learner)
            case .nag: return .rates(.nag(rate: rate), instead: node.member.standing.learner)
            }
        default: return .restore(number: kept.randomElement(using: &random) ?? 1)
        }
    }
}
