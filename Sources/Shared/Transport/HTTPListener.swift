internal import Domain
internal import Glibc
internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix

/// What a listener insists on.
package struct ListenerOptions: Sendable {
    /// Whether a non-loopback address needs a token (docs/decisions/0007-http2-limits.md: refuse to listen without).
    package var requiresToken = false
    package var timeouts = ConnectionTimeouts()

    package init(requiresToken: Bool = false) {
        self.requiresToken = requiresToken
    }
}

/// Listens on one address and answers HTTP/2 (prior knowledge) and HTTP/1.1 with one router.
package final class HTTPListener: Sendable {
    private let server: any Channel
    private let connections: ConnectionRegistry
    /// The port bound, also when 0 was asked for.
    package let port: Int

    private init(_ server: any Channel, _ connections: ConnectionRegistry) {
        self.server = server
        self.connections = connections
        port = server.localAddress?.port ?? 0
    }

    /// - Throws: `unauthenticatedBind`, `portInUse`, `bindFailed`.
    package static func start(
        host: String, port: Int, group: any EventLoopGroup, router: Router, options: ListenerOptions = .init()
    ) async throws(TransportError) -> HTTPListener {
        if options.requiresToken, router.token == nil, !Loopback.contains(host) {
            throw .unauthenticatedBind(host: host)
        }
        let connections = ConnectionRegistry()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.add(channel)
                    try channel.pipeline.syncOperations.addHandler(
                        ProtocolSniffer(router, timeouts: options.timeouts))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: Limits.HTTP.readsPerWakeUp)
            .childChannelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Limits.HTTP.receiveBufferByteCount)
            )
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(low: Limits.HTTP.writeLowWater, high: Limits.HTTP.writeHighWater))
        do {
            return HTTPListener(try await bootstrap.bind(host: host, port: port).get(), connections)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw .portInUse(host: host, port: port)
        } catch {
            throw .bindFailed(host: host, port: port, reason: String(describing: error))
        }
    }

    /// Connections open now.
    package var connectionCount: Int { connections.count }

    /// Takes no new connections, lets open requests finish, then closes; what is left at the deadline is cut.
    package func drain(within limit: Duration) async {
        // Closed already is what is wanted.
        try? await server.close().get()
        let open = connections.all
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(DrainRequest()) }
        let deadline = server.eventLoop.scheduleTask(in: TimeAmount(limit)) {
            for channel in open { channel.close(promise: nil) }
        }
        for channel in open {
            // How a connection ended is of no interest here, only that it did.
            try? await channel.closeFuture.get()
        }
        deadline.cancel()
    }
}

/// The open connections of a listener.
private final class ConnectionRegistry: Sendable {
    private let channels = NIOLockedValueBox<[ObjectIdentifier: any Channel]>([:])

    var all: [any Channel] { channels.withLockedValue { Array($0.values) } }
    var count: Int { channels.withLockedValue { $0.count } }

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        channels.withLockedValue { $0[id] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in
            _ = self?.channels.withLockedValue { $0.removeValue(forKey: id) }
        }
    }
}

/// Addresses that only this machine reaches.
enum Loopback {
    static func contains(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
