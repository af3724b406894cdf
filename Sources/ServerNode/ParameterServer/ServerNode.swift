package import Configuration
internal import Domain
internal import Logging
internal import Transport

/// A server node: owns models, learns training traffic, feeds followers. `run` returns when it was drained.
package struct ServerNode: Sendable {
    private let options: ServerOptions

    package init(_ options: ServerOptions) { self.options = options }

    /// Runs until `stop` answers.
    ///
    /// - Parameters:
    ///   - started: told the ports, once both listeners answer.
    ///   - stop: returns when the node shall drain and end.
    package func run(started: (_ port: Int, _ peerPort: Int) -> Void, stop: () async -> Void) async throws {
        let log = Logger(label: "sluice.server.\(options.name)")
        let loops = makeEventLoops(options.loopCount)
        let registry = try ModelRegistry(publishInterval: options.publishInterval, stateFolder: options.stateFolder)
        let token: ClusterToken? =
            if let path = options.tokenFile { try ClusterToken(readingFile: path) } else { nil }
        let isDraining = Locked(false)
        let routes = ServerRoutes(node: options.name, registry: registry, isDraining: isDraining)

        let listener = try await HTTPListener.start(
            host: options.listen.host, port: options.listen.port, group: loops, router: Router(routes.all))
        let peers = try await HTTPListener.start(
            host: options.peerListen.host, port: options.peerListen.port, group: loops,
            router: Router(routes.forNodes, token: token), options: ListenerOptions(requiresToken: true))
        log.info("listening", metadata: ["http": "\(listener.port)", "peer": "\(peers.port)"])
        started(listener.port, peers.port)

        await stop()
        log.info("draining")
        isDraining.withLockedValue { $0 = true }
        await listener.drain(within: Limits.Node.drainTimeout)
        await registry.close()
        await peers.drain(within: .seconds(1))
        log.info("stopped")
    }
}
