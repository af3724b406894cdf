internal import DeltaFeed
internal import Domain
internal import Format
internal import ParameterServer
internal import Scoring
internal import Transport

/// The server's end of one feed, without sockets: parts of a small ring, or a copy taken between rounds.
struct SimulatedFeed {
    private enum State {
        case following(next: UInt64)
        case copying(CopyStream, next: UInt64)
        /// Every chunk is taken: the copy ends with the next publish, or with the last when nothing was learned since.
        case ending(settled: Version, next: UInt64)
    }
    private var state: State
    private(set) var isEnded = false
    /// Of the node's rows: when they are read anew a copy under way is void.
    private let generation: Int

    init(_ node: SimulatedNode, _ shard: Shard, position: FeedMeeting.Position?, _ records: inout [[UInt8]]) {
        let ring = node.ring
        generation = node.generation
        if let position, position.history == node.member.history, let next = ring.number(after: position.version) {
            state = .following(next: next)
            return
        }
        let stream = CopyStream(
            spec: node.member.spec, shard: shard, history: node.member.history, version: ring.version,
            watermarkMilliseconds: 0)
        records.append(contentsOf: Self.split(stream.begin()))
        state = .copying(stream, next: ring.endNumber)
    }

    /// Sends what there is to send; a chunk of a copy only while the rows are settled.
    mutating func pump(_ node: SimulatedNode, _ records: inout [[UInt8]]) {
        if generation != node.generation {
            guard case .following = state else {
                isEnded = true
                return
            }
        }
        switch state {
        case .following(var next):
            send(&next, node, nil, &records)
            state = .following(next: next)
        case .copying(var stream, var next):
            guard node.member.hasSettledRows else {
                node.member.wantsPause = true
                return
            }
            guard let range = stream.nextRange else { return }
            var weights = [Float](repeating: 0, count: range.count)
            node.member.weights(range, into: &weights)
            records.append(stream.chunk(weights))
            send(&next, node, nil, &records)
            state =
                stream.nextRange == nil
                ? .ending(settled: node.member.settlingVersion, next: next)
                : .copying(stream, next: next)
        case .ending(let settled, var next):
            guard node.ring.version >= settled else { return }
            let version = node.ring.version
            send(&next, node, version, &records)
            let stamp = RecordStamp(
                history: node.member.history, baseVersion: version, version: version, watermarkMilliseconds: 0,
                fingerprint: node.member.spec.fingerprint, ownerIndex: UInt16(node.shard.number),
                ownerCount: UInt16(node.shard.count))
            var bytes: [UInt8] = []
            appendMark(.copyEnd, stamp: stamp, to: &bytes)
            records.append(bytes)
            state = .following(next: next)
        }
    }

    private mutating func send(
        _ next: inout UInt64, _ node: SimulatedNode, _ until: Version?, _ records: inout [[UInt8]]
    ) {
        while true {
            guard case .part(let part) = node.ring.part(next) else {
                if case .gone = node.ring.part(next) { isEnded = true }
                return
            }
            if let until, part.version > until { return }
            if part.base < part.version { records.append(Array(part.bytes.readableBytesView)) }
            next += 1
        }
    }

    private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        var (rest, records, reader) = (bytes, [[UInt8]](), RecordReader())
        while !rest.isEmpty, case .record(let header, _)? = try? reader.read(rest.span) {
            records.append(Array(rest.prefix(header.recordByteCount)))
            rest.removeFirst(header.recordByteCount)
        }
        return records
    }
}

/// A worker: the product's decisions about records and versions, over a plain table.
final class SimulatedWorker {
    struct Connection {
        var feed: SimulatedFeed
        var records: [[UInt8]] = []
    }
    var connections: [Connection?]
    private var followers: [Follower]
    private var meeting: FeedMeeting
    private var hidden: [Float]
    private var history: History?
    private let spec: ModelSpec
    private let showsParts: Bool
    private(set) var shown: FeedMeeting.Position?

    private final class Follower {
        var machine = DeltaFollower.waiting
        var position: FeedMeeting.Position? {
            machine.position.map { FeedMeeting.Position(history: $0.history, version: $0.version) }
        }
    }

    init(_ spec: ModelSpec, ownerCount: Int, showsParts: Bool) {
        self.spec = spec
        self.showsParts = showsParts
        connections = Array(repeating: nil, count: ownerCount)
        followers = (0..<ownerCount).map { _ in Follower() }
        meeting = FeedMeeting(ownerCount: ownerCount)
        hidden = Array(repeating: 0, count: spec.indexCount)
    }

    func position(of owner: Int) -> FeedMeeting.Position? { followers[owner].position }

    /// For a story.
    func standing(of owner: Int) -> String {
        let held = position(of: owner).map { "version \($0.version) of \($0.history)" } ?? "nothing"
        let feed = connections[owner].map { "\($0.records.count) records, \($0.feed)" } ?? "no feed"
        return "holds \(held), \(mayRead(owner) ? "may read" : "waits"), \(feed)"
    }

    func disconnect(_ owner: Int) {
        connections[owner] = nil
        followers[owner].machine.disconnected()
    }

    func mayRead(_ owner: Int) -> Bool { meeting.mayRead(owner) }

    /// Reads a record, if one is there and the feed is among those furthest behind.
    ///
    /// - Returns: the digest of what readers see now, when that has changed.
    func read(_ owner: Int) throws(Oracle.Violation) -> (FeedMeeting.Position, WeightDigest)? {
        guard connections[owner]?.records.isEmpty == false, mayRead(owner) else { return nil }
        let record = connections[owner]!.records.removeFirst()
        var reader = RecordReader()
        do throws(FormatError) {
            guard case .record(let header, let payload) = try reader.read(record.span) else {
                throw .corrupt(what: "a cut record")
            }
            switch followers[owner].machine.received(header) {
            case .beginCopy: clear(Shard(owner, of: meeting.ownerCount), header.stamp.history)
            case .apply, .applyToCopy:
                var (indices, values): ([UInt32], [Float]) = ([], [])
                try decodeRows(
                    header, payload: record.span.extracting(payload), indexLimit: UInt64(spec.indexCount),
                    into: &indices, values: &values)
                for (index, value) in zip(indices, values) { hidden[Int(index)] = value }
            case .resync: disconnect(owner)
            case .takeSpec, .finishCopy, .noteHeartbeat, .ignore: break
            }
        } catch { throw .init(what: "a worker's record: \(error)") }
        meeting.moved(owner, to: followers[owner].position)
        return show(owner)
    }

    private func clear(_ shard: Shard, _ history: History) {
        if history != self.history { hidden = Array(repeating: 0, count: spec.indexCount) }
        self.history = history
        for row in shard.rows(of: 0..<spec.indexCount) { hidden[shard.index(ofRow: row)] = 0 }
    }

    private func show(_ owner: Int) -> (FeedMeeting.Position, WeightDigest)? {
        let met = showsParts ? followers[owner].position : meeting.met
        guard let met, met != shown else { return nil }
        meeting.show()
        shown = met
        let weights = hidden
        return (met, digest(weights: weights.span, firstIndex: 0))
    }
}
