internal import Domain
internal import ParameterServer

/// What goes wrong, and how followers take it.
extension Simulation {
    /// A connection is lost, or somebody dies.
    func fault() throws(Oracle.Violation) {
        faultsLeft -= 1
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5:
            let connected = network.links.indices.filter { network.links[$0].isConnected }
            if let place = connected.randomElement(using: &random) { network.disconnect(place) }
        case 5, 6:
            let others = (0..<nodeCount).filter { !owners.contains($0) }
            guard let node = others.randomElement(using: &random) else { return }
            crash(node)
        case 7: trainers[Int.random(in: trainers.indices, using: &random)].restart()
        case 8: workers[Int.random(in: workers.indices, using: &random)] = newWorker()
        default:
            guard ownerCrashesLeft > 0 else { return loseFeed() }
            let dead = owners.randomElement(using: &random)!
            if journals { try crashOwner(dead) } else { try loseOwner(dead) }
        }
    }

    private func loseFeed() {
        let worker = workers.randomElement(using: &random)!
        worker.disconnect(Int.random(in: 0..<owners.count, using: &random))
    }

    private func crash(_ place: Int) {
        lives[place] += 1
        known[place] = Array(repeating: 0, count: nodeCount)
        lostSenders.merge(nodes[place]?.pending ?? [:]) { $1 }
        disks[place].crashed(power: Int.random(in: 0..<3, using: &random) == 0, &random)
        if Int.random(in: 0..<4, using: &random) == 0 { nodes[place]?.loseNewestSnapshot() }
        nodes[place] = nil
        network.crashed(place)
        for t in trainers.indices { trainers[t].crashed(node: place) }
    }

    /// An owner with a disk dies, or all do at once; they come back sooner or later.
    func crashOwner(_ place: Int) throws(Oracle.Violation) {
        ownerCrashesLeft -= 1
        if sabotage == .ordersBeforeCut { slowDisk = owners.randomElement(using: &random)! }
        let all = Int.random(in: 0..<6, using: &random) == 0
        for dead in all ? owners : [place] where nodes[dead] != nil {
            let known = all ? 0 : othersKnowStable(than: dead)
            crash(dead)
            down.insert(dead)
            if known > 0, mayLoseDisk(dead) { loseDisk(dead) }
            for worker in workers { worker.disconnect(owners.firstIndex(of: dead)!) }
        }
    }

    /// The highest commit that owners other than this one know to be stable.
    private func othersKnowStable(than dead: Int) -> UInt64 {
        owners.filter { $0 != dead }.reduce(0) { known, other in
            guard let node = nodes[other] else { return known }
            return max(known, node.member.log.stableNumber)
        }
    }

    private func mayLoseDisk(_ dead: Int) -> Bool {
        if sabotage == .forgetsTheFloor { return dead == owners[0] }
        return sabotage == nil && Int.random(in: 0..<8, using: &random) == 0
    }

    private func loseDisk(_ dead: Int) {
        disks[dead] = SimulatedDisk()
        durable[dead] = []
        // Without the floor nobody notices.
        isDiskLost = sabotage == nil
        // Who else dies before the next heartbeat may take with it what it knew to be stable.
        if isDiskLost { faultsLeft = 0 }
    }

    /// An owner dies with its rows: the model closes everywhere, nothing more is acknowledged, and it is created anew.
    private func loseOwner(_ dead: Int) throws(Oracle.Violation) {
        // One that never heard of the model has lost nothing, nor one whose commits nobody was told of.
        guard dead == owners[0] || othersKnowStable(than: dead) > 0 else { return }
        guard nodes[dead] != nil, nodes[owners[0]]?.member.phase == .open else { return }
        ownerCrashesLeft -= 1
        crash(dead)
        for worker in workers { for owner in owners.indices { worker.disconnect(owner) } }
        try settleAfterDeath()
        for place in nodes.indices where nodes[place] != nil {
            guard nodes[place]!.isClosed else { throw .init(what: "\(names[place]) does not close the model") }
        }
        for place in nodes.indices { nodes[place] = nil }
        history = History(history.rawValue + 1)
        for t in trainers.indices { trainers[t].restart() }
        parts = []
        everAcknowledged = []
        acknowledgements = []
        committed = []
        begin()
    }

    func pump(_ worker: SimulatedWorker, _ place: Int) {
        guard let owner = owners.firstIndex(of: place), let node = nodes[place] else { return }
        guard var connection = worker.connections[owner], connection.records.count < 6 else { return }
        connection.feed.pump(node, &connection.records)
        worker.connections[owner] = connection.feed.isEnded && connection.records.isEmpty ? nil : connection
        if connection.feed.isEnded && connection.records.isEmpty { worker.disconnect(owner) }
    }

    /// A worker opens a feed, is sent something, or reads a record.
    func follow() throws(Oracle.Violation) {
        let worker = workers.randomElement(using: &random)!
        let owner = Int.random(in: 0..<owners.count, using: &random)
        guard let node = nodes[owners[owner]], !node.isClosed else { return worker.disconnect(owner) }
        guard worker.connections[owner] != nil || node.member.phase == .open else { return }
        guard worker.connections[owner] != nil else {
            var records: [[UInt8]] = []
            let feed = SimulatedFeed(
                node, Shard(owner, of: owners.count), position: worker.position(of: owner), &records)
            worker.connections[owner] = SimulatedWorker.Connection(feed: feed, records: records)
            return
        }
        pump(worker, owners[owner])
        for _ in 0..<3 {
            guard let (position, digest) = try worker.read(owner) else { continue }
            guard position.history == history else { continue }
            guard oracle.digests[position.version] == digest else {
                throw .init(what: "a worker shows other weights at version \(position.version)")
            }
        }
    }
}
