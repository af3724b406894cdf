internal import NIOCore
internal import NIOPosix
internal import Transport

/// A TCP relay to a port of this machine, whose connections a test can cut, also after a number of bytes.
final class Relay: Sendable {
    private struct State {
        var isOpen = true
        /// How many more bytes of the server's pass before the connections are cut; nil lets all pass.
        var byteCountLeft: Int?
        var channels: [any Channel] = []
    }
    private let state = Locked(State())
    private let server: any Channel
    var port: Int { server.localAddress?.port ?? 0 }

    private init(_ server: any Channel) { self.server = server }

    /// Passes bytes on to `other`, and closes it with its own channel.
    private final class Pipe: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let other: any Channel
        let countdown: @Sendable (Int) -> Int

        init(to other: any Channel, _ countdown: @escaping @Sendable (Int) -> Int) {
            self.other = other
            self.countdown = countdown
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            let allowed = countdown(bytes.readableBytes)
            let isCut = allowed < bytes.readableBytes
            if let first = bytes.readSlice(length: allowed) {
                let other = other
                other.writeAndFlush(first).whenComplete { _ in if isCut { other.close(promise: nil) } }
            }
            if isCut { context.close(promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    static func start(to port: Int) async throws -> Relay {
        let holder = Locked<Relay?>(nil)
        let server = try await ServerBootstrap(group: testLoops)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { near in
                guard let relay = holder.withLockedValue({ $0 }), relay.add(near) else {
                    return near.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                return ClientBootstrap(group: near.eventLoop)
                    .channelInitializer { far in
                        far.pipeline.addHandler(Pipe(to: near) { relay.countDown($0) })
                    }
                    .connect(host: "127.0.0.1", port: port)
                    .flatMap { far in near.pipeline.addHandler(Pipe(to: far) { $0 }) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let relay = Relay(server)
        holder.withLockedValue { $0 = relay }
        return relay
    }

    private func add(_ channel: any Channel) -> Bool {
        state.withLockedValue { state in
            if state.isOpen { state.channels.append(channel) }
            return state.isOpen
        }
    }

    private func countDown(_ byteCount: Int) -> Int {
        state.withLockedValue { state in
            guard let left = state.byteCountLeft else { return byteCount }
            // Cut once: the next connection passes everything.
            state.byteCountLeft = byteCount > left ? nil : left - byteCount
            return min(byteCount, left)
        }
    }

    /// Cuts when this many more bytes of the server's have passed.
    func cut(afterByteCount count: Int) { state.withLockedValue { $0.byteCountLeft = count } }

    /// Cuts all connections and takes no new ones until `mend`.
    func cut() {
        let channels = state.withLockedValue { state in
            state.isOpen = false
            defer { state.channels = [] }
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }

    func mend() { state.withLockedValue { $0.isOpen = true } }

    func stop() async {
        cut()
        try? await server.close().get()  // closed already is what is wanted
    }
}
