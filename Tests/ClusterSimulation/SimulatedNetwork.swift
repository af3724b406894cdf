internal import ParameterServer

/// The links between all nodes: each pair has two roads a direction, each road keeps its order, nothing else does.
///
/// Uses the product's own ends of a link (`LinkSender`, `LinkCount`). A connection that is lost loses what is on it.
struct SimulatedNetwork {
    enum Road: Int, CaseIterable { case control, bulk }

    /// What a rule taken out changes here.
    var resends = true
    var counts = true

    struct Link {
        let from: Int
        let to: Int
        let road: Road
        var sender = LinkSender<Envelope>()
        var receiver = LinkCount()
        var isConnected = false
        /// On the wire.
        var wire: [Envelope] = []
        /// Counts on their way back.
        var confirmations: [UInt64] = []
    }
    private(set) var links: [Link] = []

    init(nodeCount: Int) {
        for from in 0..<nodeCount {
            for to in 0..<nodeCount where to != from {
                for road in Road.allCases { links.append(Link(from: from, to: to, road: road)) }
            }
        }
    }

    private func place(_ from: Int, _ to: Int, _ road: Road) -> Int {
        links.firstIndex { $0.from == from && $0.to == to && $0.road == road }!
    }

    mutating func send(_ envelope: Envelope, from: Int, to: Int, on road: Road) {
        let place = place(from, to, road)
        links[place].sender.append(envelope)
        if links[place].isConnected { links[place].wire.append(envelope) }
    }

    mutating func disconnect(_ place: Int) {
        links[place].isConnected = false
        links[place].wire = []
        links[place].confirmations = []
    }

    /// - Returns: false when the ends contradict each other.
    mutating func connect(_ place: Int, lives: [UInt64]) -> Bool {
        let received = links[place].receiver.connected(life: lives[links[place].from])
        guard
            let waiting = links[place].sender.connected(
                life: lives[links[place].to], receivedCount: counts ? received : 0)
        else { return !counts }
        links[place].isConnected = true
        links[place].wire = resends ? waiting : []
        return true
    }

    mutating func receive(_ place: Int) -> Envelope? {
        guard !links[place].wire.isEmpty else { return nil }
        let envelope = links[place].wire.removeFirst()
        links[place].receiver.received()
        if links[place].receiver.receivedCount % 3 == 0 {
            links[place].confirmations.append(links[place].receiver.receivedCount)
        }
        return envelope
    }

    mutating func confirm(_ place: Int) -> Bool {
        guard !links[place].confirmations.isEmpty else { return true }
        let count = links[place].confirmations.removeFirst()
        return links[place].sender.confirmed(count) || !counts || !resends
    }

    /// A node died: its own ends are gone, its connections are cut.
    mutating func crashed(_ node: Int) {
        for place in links.indices where links[place].from == node || links[place].to == node {
            disconnect(place)
            if links[place].from == node { links[place].sender = LinkSender() }
            if links[place].to == node { links[place].receiver = LinkCount() }
        }
    }

    /// A node hears which life another leads now.
    mutating func met(_ node: Int, hearsOf other: Int, life: UInt64) {
        for road in Road.allCases { links[place(node, other, road)].sender.begin(life: life) }
    }
}
