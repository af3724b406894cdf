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
            if ownerCrashesLeft > 0 { try crashOwner() } else { loseFeed() }
        }
    }

    private func loseFeed() {
        let worker = workers.randomElement(using: &random)!
        worker.disconnect(Int.random(in: 0..<owners.count, using: &random))
    }

    private func crash(_ place: Int) {
        lives[place] += 1
        lostSenders.merge(nodes[place]?.pending ?? [:]) { $1 }
        nodes[place] = nil
        network.crashed(place)
        for t in trainers.indices { trainers[t].crashed(node: place) }
    }

    /// An owner dies with its rows: the model closes everywhere, nothing more is acknowledged, and it is created anew.
    private func crashOwner() throws(Oracle.Violation) {
        // One that never heard of the model has lost nothing.
        let dead = owners.randomElement(using: &random)!
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
