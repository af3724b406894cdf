internal import Domain
internal import Format
internal import ParameterServer

/// What holds at every step. The numbers are the invariants of docs/decisions/0010-groups.md.
extension Simulation {
    func check(_ place: Int) throws(Oracle.Violation) {
        if let violation { throw .init(what: violation) }
        guard let node = nodes[place] else { return }
        if isDying { return }
        if case .closed(let reason) = node.member.phase, !isDiskLost {
            throw .init(what: "\(names[place]) closed the model: \(reason)")
        }
        if let number = node.lostSnapshot {
            throw .init(what: "\(names[place]) is to read snapshot \(number), which it has not")
        }
        // 1: one batch after the other, whole, in each trainer's sequence; the same headers everywhere.
        try checkCommits(node, place)
        // 2: ordered only what every owner has; parked only what was granted.
        try checkParked()
        // 7: marks are a function of the headers.
        if let clock = node.member.clock, node.member.phase == .open, !clock.isBetweenCommits {
            for trainer in trainers where sabotage != .forgetsNames {
                guard clock.marks.next(of: trainer.name) == oracle.expected(of: trainer.name) else {
                    throw .init(what: "the clock's mark of \(trainer.name) is not what the headers say")
                }
            }
        }
        // 4: acknowledged and published only what is on all owners' disks, or learned where there are none.
        let learned = journals ? durableEverywhere : learnedByAll
        for (name, version) in acknowledgements {
            guard oracle.hasCommitted(name), version <= learned || isDiskLost else {
                throw .init(
                    what: "\(name.trainer) \(name.sequence) was acknowledged at \(version), all have \(learned)")
            }
        }
        for (name, _) in acknowledgements { everAcknowledged.insert(name) }
        acknowledgements = []
        for name in everAcknowledged where !oracle.hasCommitted(name) {
            throw .init(what: "\(name.trainer) \(name.sequence) was acknowledged and is lost")
        }
        for (version, _) in parts where !isDiskLost && version > learned {
            throw .init(what: "version \(version) was published, all owners have \(learned)")
        }
        parts = []
    }

    private func checkCommits(_ node: SimulatedNode, _ place: Int) throws(Oracle.Violation) {
        let seen = committed
        committed = []
        for header in seen { try oracle.saw(header, at: names[place]) }
        guard owners.count > 1, node.member.phase == .open, node.member.epoch == nodes[owners[0]]?.member.epoch,
            let (number, hash) = node.member.lastCommit, number > 0
        else { return }
        guard sabotage == .forgetsNames || oracle.headers[Int(number) - 1].hash == hash else {
            throw .init(what: "\(names[place]) has another header of commit \(number)")
        }
    }

    /// The version that every owner has learned.
    private var learnedByAll: Version {
        owners.map { nodes[$0]?.member.learnedVersion ?? .zero }.min() ?? .zero
    }

    /// The version that is on every owner's disk.
    private var durableEverywhere: Version { owners.map { durable[$0].last?.version ?? .zero }.min() ?? .zero }

    private func checkParked() throws(Oracle.Violation) {
        guard nodes[owners[0]]?.member.phase == .open, let clock = nodes[owners[0]]?.member.clock else { return }
        let epoch = nodes[owners[0]]?.member.epoch
        // An owner that died has no slices, until the clock hears of it and begins another epoch.
        let clockNode = owners[0]
        guard owners.allSatisfy({ $0 == clockNode || known[clockNode][$0] == lives[$0] }),
            owners.allSatisfy({ nodes[$0]?.member.epoch == epoch })
        else { return }
        if let current = clock.current, owners.count > 1 {
            for owner in owners {
                guard nodes[owner]?.member.has(current) == true else {
                    throw .init(what: "batch \(current) is ordered and \(names[owner]) has no slice of it")
                }
            }
        }
        guard clock.grantedByteCount <= nodeCount * Limits.Group.grantedByteCountMax else {
            throw .init(what: "more is granted than owners have places for")
        }
        for owner in owners {
            for batch in nodes[owner]?.member.parkedBatches ?? [] where clock.isWithoutGrant(batch) {
                throw .init(what: "\(names[owner]) parks batch \(batch), which has no grant")
            }
        }
    }

    /// Delivers everything until nothing is under way.
    func settleAfterDeath() throws(Oracle.Violation) {
        isDying = true
        defer { isDying = false }
        for _ in 0..<2000 {
            try carryEverything()
            let isQuiet = network.links.allSatisfy { $0.isConnected && $0.wire.isEmpty }
            if isQuiet && nodes.allSatisfy({ $0?.isClosed ?? true }) { return }
        }
    }

    func checkAtRest() throws(Oracle.Violation) {
        if isDiskLost { return }
        for trainer in trainers {
            for sequence in 1...UInt64(trainer.batches.count) {
                guard oracle.hasCommitted(Oracle.Name(trainer: trainer.name, sequence: sequence)) else {
                    throw .init(what: "\(trainer.name) \(sequence) was acknowledged and is not learned")
                }
            }
        }
        var sum = WeightDigest()
        for owner in owners { if let node = nodes[owner] { sum = sum + node.member.ownDigest } }
        guard sum == oracle.digests[oracle.version] else {
            throw .init(what: "the owners' weights are not the oracle's")
        }
    }
}
