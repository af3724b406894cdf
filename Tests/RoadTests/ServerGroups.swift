internal import Configuration
internal import NIOCore
internal import NIOPosix
internal import ParameterServer
internal import Testing
internal import Transport

/// Server nodes that own model `m` together, in this process.
struct Group: Sendable {
    /// Ports by node: for trainers, for followers and slices, for rounds.
    var http: [Int]
    var peer: [Int]
    var control: [Int]
    /// Where the other nodes find a node's links, when not at its own ports.
    var relayedPeer: [Int: Int] = [:]
    var relayedControl: [Int: Int] = [:]
    let ownerCount: Int
    /// Nodes keep journals in folders below it.
    var stateFolder: String?
    var tapeMebibytes = 0
    /// Nodes copy their snapshots there.
    var mirror: String?

    /// Free ports for `count` nodes. The system gives them out again late, so that nobody else takes them meanwhile.
    init(nodes count: Int, owners ownerCount: Int) async throws {
        var held: [any Channel] = []
        for _ in 0..<3 * count {
            held.append(try await ServerBootstrap(group: testLoops).bind(host: "127.0.0.1", port: 0).get())
        }
        let ports = held.compactMap { $0.localAddress?.port }
        for channel in held { try await channel.close().get() }
        http = Array(ports[..<count])
        peer = Array(ports[count..<2 * count])
        control = Array(ports[(2 * count)...])
        self.ownerCount = ownerCount
    }

    /// The cluster file as a node reads it: its own addresses, and the others' as they reach them.
    private func file(for node: Int) -> String {
        var text = "servers:\n"
        for other in http.indices {
            let (peerPort, controlPort) =
                other == node
                ? (peer[other], control[other])
                : (relayedPeer[other] ?? peer[other], relayedControl[other] ?? control[other])
            text += "  - {name: s\(other), listen: 127.0.0.1:\(http[other]), peer_listen: 127.0.0.1:\(peerPort), "
            text += "control_listen: 127.0.0.1:\(controlPort)}\n"
        }
        let owners = (0..<ownerCount).map { "s\($0)" }.joined(separator: ", ")
        return text + "owners:\n  m: [\(owners)]\n"
    }

    func topology(of node: Int) throws -> ClusterTopology {
        try ClusterTopology(yaml: file(for: node), of: "the test")
    }

    /// Runs a node until `body` returns.
    func withNode(_ node: Int, _ body: () async throws -> Void) async throws {
        var options = ServerOptions()
        options.name = "s\(node)"
        options.publishInterval = .milliseconds(10)
        options.loopCount = 1
        options.stateFolder = stateFolder.map { "\($0)/s\(node)" }
        options.tapeMebibytes = tapeMebibytes
        options.mirror = mirror
        try options.join(topology(of: node), of: "the test")
        try await RoadTests.withNode(
            { [options] (started: (Int) -> Void, stop) in
                try await ServerNode(options).run { port, _ in
                    started(port)
                } stop: {
                    await stop()
                }
            }, { (_: Int) async throws in try await body() })
    }

    /// Runs all nodes until `body` returns.
    func withNodes(_ body: @Sendable () async throws -> Void) async throws { try await withNodes(from: 0, body) }

    private func withNodes(from node: Int, _ body: @Sendable () async throws -> Void) async throws {
        guard node < http.count else { return try await body() }
        try await withNode(node) { try await withNodes(from: node + 1, body) }
    }
}
