internal import Format
internal import ParameterServer
internal import Transport

/// What travels between nodes, and what they hear of each other's lives.
extension Simulation {
    func deliver() throws(Oracle.Violation) {
        // What a node owes itself is as likely as any message.
        let places = network.links.indices.filter {
            !network.links[$0].wire.isEmpty || !network.links[$0].confirmations.isEmpty
        }
        let owing = nodes.indices.filter { nodes[$0]?.hasWork == true }
        let choice = Int.random(in: 0..<max(1, places.count + owing.count), using: &random)
        if choice >= places.count {
            guard choice - places.count < owing.count else { return }
            let place = owing[choice - places.count]
            if nodes[place]?.member.hasStep == true { return try stepOwner(place) }
            if nodes[place]?.loads.isEmpty == false { return try load(place) }
            return try writeJournal(place)
        }
        let place = places[choice]
        let link = network.links[place]
        if link.wire.isEmpty {
            guard network.confirm(place) else { throw .init(what: "a link confirms what was never sent") }
            return
        }
        guard let envelope = network.receive(place) else { return }
        try take(try recoded(envelope), from: link.from, at: link.to)
    }

    /// Now and then by way of the bytes it would be.
    func recoded(_ envelope: Envelope) throws(Oracle.Violation) -> Envelope {
        guard Int.random(in: 0..<8, using: &random) == 0 else { return envelope }
        do throws(FormatError) {
            var reader = EnvelopeReader()
            let bytes = Bytes(bytes: envelope.bytes)
            reader.append(bytes.readableBytesSpan)
            guard let read = try reader.next() else { throw .corrupt(what: "cut off") }
            return read
        } catch { throw .init(what: "a message does not survive its bytes: \(error)") }
    }

    func take(_ envelope: Envelope, from other: Int, at place: Int) throws(Oracle.Violation) {
        guard envelope.history == history else { return }
        if tells { tell(envelope, from: other, at: place) }
        switch envelope.message {
        case .prepare, .opened:
            let isNew = nodes[place] == nil
            guard isNew, !down.contains(place) else { break }
            do { nodes[place] = try newNode(place) } catch { throw .init(what: "\(error)") }
        default: break
        }
        guard let node = nodes[place] else { return }
        node.member.received(envelope, from: other, time)
        flush(place)
        try check(place)
    }

    func connect() throws(Oracle.Violation) {
        let places = network.links.indices.filter { !network.links[$0].isConnected }
        guard let place = places.randomElement(using: &random) else { return }
        try connect(place)
    }

    func connect(_ place: Int) throws(Oracle.Violation) {
        let link = network.links[place]
        guard !down.contains(link.from), !down.contains(link.to) else { return }
        guard network.connect(place, lives: lives) else {
            throw .init(what: "the ends of a link contradict each other")
        }
        try met(link.from, hearsOf: link.to)
        try met(link.to, hearsOf: link.from)
    }

    func met(_ place: Int, hearsOf other: Int) throws(Oracle.Violation) {
        let before = known[place][other]
        known[place][other] = lives[other]
        guard before != 0, before != lives[other] else { return }
        network.met(place, hearsOf: other, life: lives[other])
        guard let node = nodes[place] else { return }
        node.member.restarted(other, time)
        if node.member.isClock && node.member.phase == .open {
            network.send(
                Envelope(history, epoch: node.member.epoch, .opened(identity)), from: place, to: other, on: .control)
        }
        flush(place)
        try check(place)
    }
}
