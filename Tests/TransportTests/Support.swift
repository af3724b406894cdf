import Domain
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Transport

extension ListenerOptions {
    /// For tests that are not about time: a busy machine may take long between two writes.
    static var patient: ListenerOptions {
        var options = ListenerOptions()
        options.timeouts.preface = .seconds(120)
        options.timeouts.header = .seconds(120)
        return options
    }
}

/// A listener on a free port with a router, for the length of a test.
func withServer<Result>(
    _ routes: [Route], token: ClusterToken? = nil, options: ListenerOptions = .patient,
    _ body: (HTTPListener) async throws -> Result
) async throws -> Result {
    let listener = try await HTTPListener.start(
        host: "127.0.0.1", port: 0, group: MultiThreadedEventLoopGroup.singleton,
        router: Router(routes, token: token), options: options)
    do {
        let result = try await body(listener)
        await listener.drain(within: .zero)
        return result
    } catch {
        await listener.drain(within: .zero)
        throw error
    }
}

func connect(_ listener: HTTPListener, token: ClusterToken? = nil) async throws -> HTTPClient {
    try await HTTPClient.connect(
        host: "127.0.0.1", port: listener.port, on: MultiThreadedEventLoopGroup.singleton, token: token)
}

/// Sends bytes on a plain socket and reads until `isEnough`, or until the peer closes.
func talk(
    _ listener: HTTPListener, _ text: String, continuing: String? = nil, then next: [String] = [],
    until isEnough: @escaping (String) -> Bool = { _ in false }
) async throws -> String {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: listener.port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
    let received = NIOLockedValueBox("")
    do {
        try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            if let continuing { try await outbound.write(ByteBuffer(string: continuing)) }
            var rest = next[...]
            for try await chunk in inbound {
                let text = received.withLockedValue { received in
                    received += String(buffer: chunk)
                    return received
                }
                if isEnough(text) { break }
                if let more = rest.popFirst() { try await outbound.write(ByteBuffer(string: more)) }
            }
        }
    } catch  where error is IOError || error is ChannelError {
        // A reset or a close by the peer ends the conversation; what was received until then counts.
    }
    return received.withLockedValue { $0 }
}

/// Gives the request's body back.
func echo(_ method: Transport.Method = .post, _ path: String, access: Access = .open, bodyLimit: Int = 1 << 20) -> Route
{
    .whole(method, path, access: access, bodyLimit: bodyLimit) { exchange, bytes in
        var body = exchange.allocateBody(bytes.byteCount)
        body.writeBytes(bytes)
        exchange.respond(status: 200, contentType: "application/octet-stream", body: body)
    }
}

/// Sends each chunk back as it comes, and says it was consumed at once.
final class EchoReceiver: BodyReceiver {
    init(_ exchange: Exchange) { exchange.start(status: 200, contentType: "text/plain") }

    func received(_ chunk: ByteBuffer, on exchange: Exchange) {
        exchange.write(chunk)
        exchange.consumed(chunk.readableBytes)
    }

    func ended(_ exchange: Exchange) { exchange.finish() }
    func cancelled() {}
}

extension HTTPResponse {
    var text: String { String(buffer: body) }
    func header(_ name: String) -> String? { headers.first { $0.0 == name }?.1 }
}
