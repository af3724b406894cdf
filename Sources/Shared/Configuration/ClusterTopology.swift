internal import Domain

/// The server nodes of a cluster, and who owns which model. Every node reads the same file.
package struct ClusterTopology: Sendable, Equatable {
    /// One server node.
    package struct Node: Sendable, Equatable {
        package var name: String
        /// For trainers and operators.
        package var listen: Address
        /// For followers and for slices.
        package var peerListen: Address
        /// For rounds: a port of its own, since its connections live on the thread that learns.
        package var controlListen: Address

        init(_ options: ServerOptions) {
            name = options.name
            listen = options.listen
            peerListen = options.peerListen
            controlListen = options.controlListen
        }
    }

    package private(set) var nodes: [Node] = []
    /// Owners that the file names, by model; shard s of a model belongs to its owner s.
    private var owners: [String: [Int]] = [:]

    /// Reads `servers` and `owners`; other keys of the file are for others.
    ///
    /// - Parameter place: the file, for errors.
    package init(yaml: String, of place: String) throws(ConfigurationError) {
        var fields = try Fields(yaml: yaml, of: place)
        for var node in try fields.list("servers") { nodes.append(try Self.node(&node)) }
        guard (1...Limits.Group.nodeCountMax).contains(nodes.count) else {
            throw .init(
                "\(place): 'servers' names \(nodes.count) nodes, but must name 1 to \(Limits.Group.nodeCountMax)")
        }
        for node in nodes where nodes.count(where: { $0.name == node.name }) > 1 {
            throw .init("\(place): two servers have the name '\(node.name)'")
        }
        for (model, names) in try fields.textListsByKey("owners") ?? [:] {
            owners[model] = try places(of: names, model, place)
        }
    }

    /// A cluster of one node.
    package init(alone options: ServerOptions) { nodes = [Node(options)] }

    private static func node(_ fields: inout Fields) throws(ConfigurationError) -> Node {
        var options = ServerOptions()
        try options.read(&fields)
        try fields.refuseRest()
        return Node(options)
    }

    private func places(of names: [String], _ model: String, _ place: String) throws(ConfigurationError) -> [Int] {
        // Each shard has one owner and every index one shard, so the index space is covered once.
        guard !names.isEmpty, names.count & (names.count - 1) == 0 else {
            throw .init(
                "\(place): model '\(model)' has \(names.count) owners, but must have 1, 2, 4, 8 …: shards are low bits of the index"
            )
        }
        var places: [Int] = []
        for name in names {
            guard let node = nodes.firstIndex(where: { $0.name == name }) else {
                throw .init("\(place): model '\(model)' has the owner '\(name)', which 'servers' does not name")
            }
            guard !places.contains(node) else {
                throw .init("\(place): model '\(model)' names the owner '\(name)' twice")
            }
            places.append(node)
        }
        return places
    }

    /// The place of a node, or nil for a name that the file has not.
    package func place(of name: String) -> Int? { nodes.firstIndex { $0.name == name } }

    /// The owners of a model: those that the file names, else one node, chosen by the name, so that models spread.
    package func owners(of model: String) -> [Int] {
        if let owners = owners[model] { return owners }
        let weights = nodes.map { Self.hash("\(model)@\($0.name)") }
        return [weights.indices.max { weights[$0] < weights[$1] } ?? 0]
    }

    /// Equal where two nodes read the same nodes and owners.
    package var fingerprint: UInt64 {
        let owners = owners.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return Self.hash((nodes.map(\.name) + owners).joined(separator: "\n"))
    }

    /// FNV-1a, then the finaliser of SplitMix64: names that differ in their last letter are far apart.
    private static func hash(_ text: String) -> UInt64 {
        var hash = ContentHash(of: text).value
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        return hash ^ (hash >> 31)
    }
}
