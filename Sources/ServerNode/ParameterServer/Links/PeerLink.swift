internal import Configuration
internal import Domain
internal import Logging
internal import Transport

/// One road to another node: an HTTP/2 connection of its own with one long request. The body carries messages, the
/// answer how many have arrived.
///
/// Safe because every mutable property is touched on `thread` only.
final class PeerLink: @unchecked Sendable {
    enum Road: String, Sendable {
        /// What rounds exchange; read and written on the thread that learns.
        case control
        /// Slices.
        case bulk
    }

    let isUp = Locked(false)
    /// Bytes that are not confirmed.
    let waitingByteCount = Locked(0)
    private let thread: WorkThread
    private let address: Address
    private let road: Road
    private let hello: Hello
    private let token: ClusterToken?
    private let log: Logger
    private let met: @Sendable (_ life: UInt64) -> Void
    private var sender = LinkSender<Bytes>()
    private var stream: ClientStream?
    private var lastHeard = ContinuousClock.now

    /// - Parameter met: told the other node's life whenever a connection stands, on `thread`.
    init(
        _ road: Road, to address: Address, _ hello: Hello, token: ClusterToken?, thread: WorkThread, log: Logger,
        met: @escaping @Sendable (_ life: UInt64) -> Void
    ) {
        self.thread = thread
        self.address = address
        self.road = road
        self.hello = hello
        self.token = token
        self.log = log
        self.met = met
    }

    func send(_ bytes: Bytes) {
        guard thread.isCurrent else { return thread.run { self.send(bytes) } }
        sender.append(bytes)
        waitingByteCount.withLockedValue { $0 += bytes.readableBytes }
        stream?.enqueue(bytes)
    }

    private func countWaiting() {
        let waiting = sender.messages.reduce(0) { $0 + $1.readableBytes }
        waitingByteCount.withLockedValue { $0 = waiting }
    }

    /// The other node lives anew: what is queued was for its earlier life.
    func begin(life: UInt64) {
        guard thread.isCurrent else { return thread.run { self.begin(life: life) } }
        guard let known = sender.peerLife, known < life else { return sender.begin(life: life) }
        sender.begin(life: life)
        countWaiting()
        // A connection to the earlier life may not have noticed its end.
        stream?.cancel()
        stream = nil
    }

    /// Connects, again and again, until cancelled. Runs on `thread`.
    func run() async {
        var backoff = Backoff(largest: Limits.Group.reconnectWaitMax, random: SystemRandomNumberGenerator())
        while !Task.isCancelled {
            do {
                let client = try await HTTPClient.connect(
                    host: address.host, port: address.port, on: thread.loops, token: token)
                lastHeard = .now
                do {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await self.watch(client) }
                        defer { group.cancelAll() }
                        try await carry(client) { backoff.reset() }
                    }
                } catch { tell(error) }
                isUp.withLockedValue { $0 = false }
                stream = nil
                await client.close()
            } catch { tell(error) }
            // Cancelled while waiting: the loop sees it.
            try? await Task.sleep(for: backoff.next())
        }
    }

    private func tell(_ error: any Error) {
        log.debug("link down", metadata: ["address": "\(address)", "road": "\(road.rawValue)", "reason": "\(error)"])
    }

    /// Ends a connection whose other end says nothing: it tells its count every second.
    private func watch(_ client: HTTPClient) async throws {
        do {
            while ContinuousClock.now - lastHeard < Limits.Group.silenceMax {
                try await Task.sleep(for: Limits.Group.confirmInterval)
            }
        } catch {
            // Cancelled: the node stops, or the link has ended by itself.
        }
        await client.close()
    }

    private func carry(_ client: HTTPClient, _ stands: () -> Void) async throws {
        let stream = try await client.open(.post, "/v1/peer/links/\(road.rawValue)", headers: hello.headers)
        let head = try await stream.head
        var body = stream.body.makeAsyncIterator()
        guard head.status == 200, let life = Hello.life(in: head.headers) else {
            let reason = try await body.next().map { String(buffer: $0) } ?? ""
            log.error("a node refuses this one", metadata: ["address": "\(address)", "reason": "\(reason)"])
            try await Task.sleep(for: .seconds(1))
            return
        }
        guard !Hello.isAhead(life) else {
            log.error("a node began in the future by this one's clock", metadata: ["address": "\(address)"])
            try await Task.sleep(for: .seconds(1))
            return
        }
        var counts = CountReader()
        var hasStood = false
        while let chunk = try await body.next() {
            lastHeard = .now
            guard let count = counts.last(in: chunk) else { continue }
            if self.stream == nil {
                // Let go meanwhile: the other node lives anew, and is connected to anew.
                guard !hasStood else { return }
                hasStood = true
                met(life)
                guard let waiting = sender.connected(life: life, receivedCount: count) else { return }
                countWaiting()
                self.stream = stream
                for message in waiting { stream.enqueue(message) }
                isUp.withLockedValue { $0 = true }
                stands()
                log.info("link up", metadata: ["address": "\(address)", "road": "\(road.rawValue)"])
            } else {
                guard sender.confirmed(count) else { return }
                countWaiting()
            }
        }
    }
}

/// Counts as they come in any split of bytes: eight bytes each, the last one counts.
struct CountReader {
    private var number: UInt64 = 0
    private var byteCount = 0

    /// The last count that is whole with this chunk.
    mutating func last(in chunk: Bytes) -> UInt64? {
        var last: UInt64?
        for byte in chunk.readableBytesView {
            number |= UInt64(byte) << UInt64(8 * byteCount)
            byteCount += 1
            guard byteCount == 8 else { continue }
            last = number
            (number, byteCount) = (0, 0)
        }
        return last
    }

    static func bytes(_ count: UInt64) -> Bytes {
        Bytes(bytes: (0..<8).map { UInt8(truncatingIfNeeded: count >> UInt64(8 * $0)) })
    }
}
