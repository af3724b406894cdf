internal import DeltaFeed
package import Domain
package import Transport

/// One follower's answer: parts of the ring as they appear, a copy first where the ring does not reach back.
///
/// Bound to the exchange's event loop. Holds back when the follower is slow: parts stay in the ring, and if they leave
/// it the stream is ended, so that the follower comes back for a copy. A slow follower slows nobody.
package final class FeedStream: BodyReceiver {
    private enum State {
        /// Sends parts from this number on.
        case following(next: UInt64)
        /// A piece of a copy was asked of the lane. No part is sent meanwhile: it could be newer than the piece.
        case awaitingChunk(LaneCopy?, next: UInt64)
        /// The follower is behind; the next chunk is asked for when it has read on.
        case holding(LaneCopy, next: UInt64)
        /// All chunks are sent: parts up to the version, then the record that ends the copy.
        case ending(Version, Bytes, next: UInt64)
        case ended
    }

    private let exchange: Exchange
    private let lane: ModelLane
    private var state: State
    private var follower: UInt64?
    private var lastHeartbeat: Bytes?

    /// - Parameter position: what the follower holds, if anything.
    package init(_ exchange: Exchange, _ lane: ModelLane, position: (history: History, version: Version)?) {
        self.exchange = exchange
        self.lane = lane
        if let position, position.history == lane.history, let next = lane.hub.number(after: position.version) {
            state = .following(next: next)
        } else {
            state = .awaitingChunk(nil, next: 0)
        }
    }

    /// A request for a feed has no body.
    package func received(_ chunk: Bytes, on exchange: Exchange) { exchange.consumed(chunk.readableBytes) }

    package func ended(_ exchange: Exchange) {
        exchange.start(status: 200, contentType: "application/octet-stream")
        let handle = FeedStreamHandle(self, exchange)
        follower = lane.hub.add { handle.onLoop { $0.pump() } }
        exchange.onDrained = { [unowned self] in drained() }
        // The model may have ended between the request's head and its end.
        guard !lane.hub.isEnded else { return end() }
        if case .following = state {
            exchange.write(lane.specRecord)
            pump()
        } else {
            lane.runWithRows { lane in
                let (copy, bytes, number) = lane.beginCopy()
                handle.onLoop { $0.took(bytes, of: copy, next: number) }
            }
        }
    }

    package func cancelled() { end() }

    /// Sends what the follower may have now.
    private func pump() {
        guard !lane.hub.isEnded else { return end() }
        switch state {
        case .following(let next):
            guard let next = sendParts(from: next, until: nil) else { return end() }
            state = .following(next: next)
            sendHeartbeat(next)
        case .ending(let version, let bytes, let next):
            guard let next = sendParts(from: next, until: version) else { return end() }
            if hasSent(version, before: next) {
                exchange.write(bytes)
                state = .following(next: next)
                pump()
            } else {
                state = .ending(version, bytes, next: next)
            }
        case .awaitingChunk, .holding, .ended: break
        }
    }

    private func drained() {
        if case .holding(let copy, let next) = state { askForChunk(copy, next) } else { pump() }
    }

    private func took(_ bytes: Bytes, of copy: LaneCopy, next: UInt64) {
        guard case .awaitingChunk = state else { return }
        exchange.write(bytes)
        guard let next = sendParts(from: next, until: nil) else { return end() }
        if exchange.queuedByteCount < Limits.Feed.followerQueuedByteCountMax {
            askForChunk(copy, next)
        } else {
            state = .holding(copy, next: next)
        }
    }

    private func askForChunk(_ copy: LaneCopy, _ next: UInt64) {
        state = .awaitingChunk(copy, next: next)
        let handle = FeedStreamHandle(self, exchange)
        lane.runWithRows { lane in
            guard !lane.isVoid(copy) else { return handle.onLoop { $0.end() } }
            if let bytes = lane.chunk(of: copy) { return handle.onLoop { $0.took(bytes, of: copy, next: next) } }
            lane.endCopy(copy) { told in
                handle.onLoop { stream in
                    guard case .awaitingChunk = stream.state else { return }
                    guard let told else { return stream.end() }
                    stream.state = .ending(told.version, told.record, next: next)
                    stream.pump()
                }
            }
        }
    }

    /// Sends parts while the follower reads; the number of the first not sent, or nil when it left the ring.
    private func sendParts(from number: UInt64, until version: Version?) -> UInt64? {
        var next = number
        while exchange.queuedByteCount < Limits.Feed.followerQueuedByteCountMax {
            switch lane.hub.part(next) {
            case .part(let part):
                if let version, part.version > version { return next }
                // A part that leads nowhere is a heartbeat with a digest; a copy has no place for one.
                if isFollowing || part.base < part.version { exchange.write(part.bytes) }
                next += 1
            case .upToDate: return next
            case .gone: return nil
            }
        }
        return next
    }

    private var isFollowing: Bool {
        if case .following = state { true } else { false }
    }

    /// Whether all parts up to `version` are before `next`.
    private func hasSent(_ version: Version, before next: UInt64) -> Bool {
        switch lane.hub.part(next) {
        case .part(let part): part.version > version
        case .upToDate: true
        case .gone: false
        }
    }

    private func sendHeartbeat(_ next: UInt64) {
        guard case .upToDate = lane.hub.part(next), let heartbeat = lane.hub.heartbeat,
            heartbeat.bytes != lastHeartbeat
        else { return }
        lastHeartbeat = heartbeat.bytes
        exchange.write(heartbeat.bytes)
    }

    private func end() {
        if let follower { lane.hub.remove(follower) }
        follower = nil
        if case .ended = state { return }
        state = .ended
        exchange.finish()
    }
}

/// Reaches a stream from the lane's thread.
///
/// Safe because the stream is touched only inside `onLoop`, on its exchange's loop.
private struct FeedStreamHandle: @unchecked Sendable {
    private let stream: FeedStream
    private let remote: RemoteExchange

    init(_ stream: FeedStream, _ exchange: Exchange) {
        self.stream = stream
        remote = exchange.remote
    }

    func onLoop(_ body: @escaping @Sendable (FeedStream) -> Void) {
        let handle = self
        remote.onLoop { _ in body(handle.stream) }
    }
}
