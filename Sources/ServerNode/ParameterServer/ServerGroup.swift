internal import Configuration
internal import Domain
internal import Learning
internal import Logging
internal import Transport

/// This node among the others: who owns which model, and where each message belongs.
final class ServerGroup: Sendable {
    let node: Int
    let names: [String]
    let topology: ClusterTopology
    let registry: ModelRegistry
    /// Learns models of several owners and carries the control links; nil for a node alone.
    let control: WorkThread?
    let links: PeerLinks?

    /// - Parameter topology: of one node, when this one is alone.
    init(
        _ topology: ClusterTopology, name: String, registry: ModelRegistry, token: ClusterToken?, log: Logger
    ) throws(ConfigurationError) {
        guard let node = topology.place(of: name) else {
            throw .init(
                "the cluster file names no server '\(name)'; it names \(topology.nodes.map(\.name).joined(separator: ", "))"
            )
        }
        self.node = node
        self.topology = topology
        self.registry = registry
        names = topology.nodes.map(\.name)
        guard topology.nodes.count > 1 else {
            (control, links) = (nil, nil)
            try registry.begin(ModelRegistry.Place(node: node, names: names, control: nil, links: nil)) {
                topology.owners(of: $0.text)
            }
            return
        }
        let control = WorkThread()
        // Waking another core costs more than a round's work: on a small machine the nodes' control threads share one
        // (docs/SPEED.md, "Rounds").
        if availableCoreCount() <= Limits.Group.sharedCoreCountMax { control.run { pinToFirstCore() } }
        let hello = Hello(
            name: name, life: millisecondsSince1970(), topology: topology.fingerprint, kernels: kernelIdentity(),
            journals: registry.journal != nil)
        let links = PeerLinks(
            topology, node: node, hello: hello, control: control, token: token, log: log,
            receiver: PeerLinks.Receiver(
                message: { envelope, other in registry.received(envelope, from: other) },
                met: { other, isAnew in registry.met(other, isAnew: isAnew) }))
        (self.control, self.links) = (control, links)
        try registry.begin(ModelRegistry.Place(node: node, names: names, control: control, links: links)) {
            topology.owners(of: $0.text)
        }
    }

    func owners(of model: ModelName) -> [Int] { topology.owners(of: model.text) }

    /// What other nodes send in bulk, on the listener for nodes.
    var bulkRoutes: [Route] { links.map { [$0.route(.bulk)] } ?? [] }

    /// Listens for control links: their connections live on the thread that learns. Nil for a node alone.
    func listen(_ address: Address, token: ClusterToken?) async throws(TransportError) -> HTTPListener? {
        guard let control, let links else { return nil }
        return try await HTTPListener.start(
            host: address.host, port: address.port, group: control.loops,
            router: Router([links.route(.control)], token: token), options: ListenerOptions(requiresToken: true))
    }
}
