internal import Configuration
internal import Domain
internal import Logging
package import Transport

/// A node's links to all others, both roads and both directions. Each road keeps its order; between the two there is none.
package final class PeerLinks: Sendable {
    /// What becomes of what arrives. Set once, before anything can arrive.
    struct Receiver: Sendable {
        var message: @Sendable (Envelope, _ from: Int) -> Void
        /// A node was met: for the first time, or it lives anew.
        var met: @Sendable (_ node: Int, _ isAnew: Bool) -> Void
    }

    private struct Peer: Sendable {
        var control: PeerLink
        var bulk: PeerLink
        let life = Locked<UInt64?>(nil)
        let inboxes: [PeerLink.Road: Locked<LinkInbox.State>] = [
            .control: Locked(LinkInbox.State()), .bulk: Locked(LinkInbox.State()),
        ]
    }

    let control: WorkThread
    private let topology: ClusterTopology
    private let hello: Hello
    private let receiver: Receiver
    private let log: Logger
    private let bulkThread: WorkThread
    /// By place; nil at this node's own.
    private let peers: Locked<[Peer?]> = Locked([])

    /// - Parameter control: the thread that learns models of several owners.
    init(
        _ topology: ClusterTopology, node: Int, hello: Hello, control: WorkThread, token: ClusterToken?, log: Logger,
        receiver: Receiver
    ) {
        self.topology = topology
        self.hello = hello
        self.receiver = receiver
        self.control = control
        self.log = log
        bulkThread = WorkThread(niceness: Limits.Group.parsingNiceness)
        let all = topology.nodes.indices.map { place -> Peer? in
            guard place != node else { return nil }
            let other = topology.nodes[place]
            let met: @Sendable (UInt64) -> Void = { [unowned self] life in self.met(place, life: life) }
            return Peer(
                control: PeerLink(
                    .control, to: other.controlListen, hello, token: token, thread: control, log: log, met: met),
                bulk: PeerLink(
                    .bulk, to: other.peerListen, hello, token: token, thread: bulkThread, log: log, met: met))
        }
        peers.withLockedValue { $0 = all }
    }

    /// On the control link.
    package func send(_ envelope: Envelope, to node: Int) {
        peer(node)?.control.send(Bytes(bytes: envelope.bytes))
    }

    /// A message already in bytes, on the bulk link.
    package func sendBulk(_ bytes: Bytes, to node: Int) { peer(node)?.bulk.send(bytes) }

    /// Whether the control link to a node stands.
    package func isUp(_ node: Int) -> Bool { peer(node)?.control.isUp.withLockedValue { $0 } ?? true }

    /// Whether a batch for a node may join what waits there; a clock must be reached, so that someone answers.
    package func hasRoom(_ node: Int, clock: Bool) -> Bool {
        guard let peer = peer(node) else { return true }
        let waiting = peer.bulk.waitingByteCount.withLockedValue { $0 }
        return waiting <= Limits.Group.linkByteCountMax && (!clock || isUp(node))
    }

    /// Keeps all links connected until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for peer in peers.withLockedValue({ $0 }) {
                guard let peer else { continue }
                group.addTask(executorPreference: control) { await peer.control.run() }
                group.addTask(executorPreference: bulkThread) { await peer.bulk.run() }
            }
        }
    }

    /// A route for one road's incoming links.
    func route(_ road: PeerLink.Road) -> Route {
        .streaming(.post, "/v1/peer/links/\(road.rawValue)", access: .cluster) { [unowned self] exchange in
            accept(exchange, road)
        }
    }

    private func accept(_ exchange: Exchange, _ road: PeerLink.Road) -> any BodyReceiver {
        guard let other = Hello(exchange), let place = topology.place(of: other.name), let peer = peer(place) else {
            return RefusedBody(
                exchange, status: 409,
                "the cluster file of \(hello.name) has no other node '\(exchange.header("sluice-node") ?? "")'")
        }
        if let objection = hello.objection(to: other) { return RefusedBody(exchange, status: 409, objection) }
        if let known = peer.life.withLockedValue({ $0 }), known > other.life {
            return RefusedBody(exchange, status: 409, "\(other.name) has begun anew since, or its clock was set back")
        }
        if let known = peer.life.withLockedValue({ $0 }), known < other.life, isUp(place) {
            // A node that has just died may seem to stand for a moment; the new one tries again.
            return RefusedBody(
                exchange, status: 409,
                "\(other.name) answers at \(topology.nodes[place].controlListen) and is another process; one name, one node"
            )
        }
        if other.isAhead {
            return RefusedBody(
                exchange, status: 409,
                "\(other.name) began in the future by the clock of \(hello.name): set both clocks, and start it again")
        }
        guard let state = peer.inboxes[road] else { preconditionFailure("a peer has both roads") }
        met(place, life: other.life)
        return LinkInbox(exchange, from: other, to: hello, state, log: log) { [receiver] envelope in
            receiver.message(envelope, place)
        }
    }

    /// Another node said which life of it this is.
    private func met(_ place: Int, life: UInt64) {
        // On one thread, so that what a life says is never taken before it was met.
        guard control.isCurrent else { return control.run { [unowned self] in met(place, life: life) } }
        guard let peer = peer(place) else { return }
        // Lives only rise: a hello of an earlier one may come late.
        let (isNew, before) = peer.life.withLockedValue { known in
            let before = known
            let isNew = before.map { $0 < life } ?? true
            if isNew { known = life }
            return (isNew, before)
        }
        guard isNew else { return }
        if before != nil { log.warning("a node lives anew", metadata: ["node": "\(topology.nodes[place].name)"]) }
        // Nothing meant for its earlier life reaches it, and everything from here on does.
        peer.control.begin(life: life)
        peer.bulk.begin(life: life)
        receiver.met(place, before != nil)
    }

    private func peer(_ place: Int) -> Peer? {
        peers.withLockedValue { $0.indices.contains(place) ? $0[place] : nil }
    }
}
