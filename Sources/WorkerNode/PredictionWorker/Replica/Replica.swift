package import Configuration
internal import DeltaFeed
package import Domain
internal import Features
package import Format
internal import Scoring
package import Transport

/// A model of this worker, kept equal to the servers': two tables and a flip.
///
/// Each owner's deltas are applied to the hidden table. When all owners stand at one version (`FeedMeeting`) every event
/// loop is told to read that table; when each has run that task no reader is left in the other, which gets the same
/// rows. Readers take no lock and retry nothing. A copy fills the hidden table while the old version is served.
package actor Replica {
    package let name: ModelName
    let loops: PerLoop<LoopModels>
    let thread: WorkThread
    let status: Locked<ReplicaStatus>

    /// By the server's place among those followed.
    var feeds: [Int: OwnerFeed] = [:]
    var meeting = FeedMeeting(ownerCount: 1)
    var plan: Plan?
    var spec: ModelSpec? { plan?.spec }
    var serving: ServingModel?
    /// The table that no reader has, and the history of its rows.
    var hidden: WeightTable?
    var hiddenHistory: History?
    /// Whether the hidden table is being shown or brought up to date: no feed writes it meanwhile.
    var isFlipping = false
    var waiters: [CheckedContinuation<Void, Never>] = []
    var byteCountSincePause = 0

    /// - Parameter thread: where rows are unpacked and applied; one for all replicas.
    package init(name: ModelName, loops: PerLoop<LoopModels>, thread: WorkThread, status: Locked<ReplicaStatus>) {
        self.name = name
        self.thread = thread
        self.loops = loops
        self.status = status
    }

    /// Why a feed must be opened anew.
    package enum Failure: Error, CustomStringConvertible {
        case format(FormatError)
        case spec(ConfigurationError)
        case doesNotFit(String)
        case digestDiffers(Version)

        package var description: String {
            switch self {
            case .format(let error): "\(error)"
            case .spec(let error): "the server's spec: \(error)"
            case .doesNotFit(let what): what
            case .digestDiffers(let version): "the weights at version \(version) are not the servers'; copies follow"
            }
        }
    }

    /// The digest over all rows of the version that is served, if that is `version` (or whatever it is, for nil).
    ///
    /// The served table is never written, so reading it here is safe; the next delta waits meanwhile.
    package func wholeDigest(at version: Version?) -> WholeDigest? {
        guard let serving, version == nil || serving.version == version else { return nil }
        let sum = serving.table.withWeights(0..<serving.table.indexCount) { digest(weights: $0, firstIndex: 0) }
        return WholeDigest(digest: sum, version: serving.version, history: serving.history, isEqual: nil)
    }

    /// Begins to read a new connection to a server. Answers what is held, for the server to continue from.
    ///
    /// - Parameter server: its place among those followed.
    package func connected(to server: Int = 0) -> (history: History, version: Version)? {
        let feed = feed(of: server)
        feed.connect()
        return feed.follower.position
    }

    /// A server's connection ended: the others are not held up by what it had begun.
    package func disconnected(from server: Int = 0) {
        feed(of: server).isConnected = false
        tellConnections()
    }

    func feed(of server: Int) -> OwnerFeed {
        if let feed = feeds[server] { return feed }
        let feed = OwnerFeed()
        feeds[server] = feed
        return feed
    }

    // MARK: records

    /// Takes in bytes of a server's feed, every record as soon as it is whole. A cut record is never half applied.
    package func take(_ chunk: Bytes, from server: Int = 0) async throws(Failure) {
        let feed = feed(of: server)
        feed.window.append(chunk.readableBytesSpan)
        giveWay(afterReceiving: chunk.readableBytes)
        while feed.window.byteCount > 0 {
            guard let (header, payload) = try next(of: feed) else { return }
            while !mayRead(feed) { try await turn(of: feed) }
            // No `await` from here until the record is in: at each one another feed may run, and flip the tables.
            switch try takeIn(header, payload, feed) {
            case .nothing: break
            case .flip(let met): await flip(to: met)
            case .watermark: await showWatermark()
            }
        }
    }

    /// What a record that is in leads to. The two that show something have claimed the tables (`isFlipping`).
    enum Consequence {
        case nothing
        case flip(FeedMeeting.Position)
        case watermark
    }

    func takeIn(
        _ header: RecordHeader, _ payload: Range<Int>, _ feed: OwnerFeed
    ) throws(Failure) -> Consequence {
        defer { moved(feed) }
        let action = feed.follower.received(header)
        do throws(FormatError) { try decode(header, payload, feed, for: action) } catch {
            feed.follower.lost()
            throw .format(error)
        }
        feed.window.removeFirst(header.recordByteCount)
        return try act(action, header, feed)
    }

    func next(of feed: OwnerFeed) throws(Failure) -> (RecordHeader, Range<Int>)? {
        do throws(FormatError) {
            let bytes = feed.window.bytes
            let waiting = bytes.span.extracting(first: feed.window.byteCount)
            guard case .record(let header, let payload) = try feed.reader.read(waiting) else { return nil }
            return (header, payload)
        } catch {
            lose(feed)
            throw .format(error)
        }
    }

    /// Waits until something has moved. Whoever waits looks again behind it: others may have run since.
    func turn(of feed: OwnerFeed) async throws(Failure) {
        guard !Task.isCancelled else { throw .doesNotFit("the worker stops") }
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                // What it waits for may have come before it got here.
                if mayRead(feed) || Task.isCancelled { waiter.resume() } else { waiters.append(waiter) }
            }
        } onCancel: {
            Task { await self.wake() }
        }
    }

    /// Whether the feed is among those furthest behind, and nobody has claimed the tables.
    func mayRead(_ feed: OwnerFeed) -> Bool {
        guard !isFlipping else { return false }
        return owner(of: feed).map { meeting.mayRead($0) } ?? true
    }

    /// Which owner of the model as it is divided now, if it is one.
    func owner(of feed: OwnerFeed) -> Int? {
        feed.shard.flatMap { $0.count == meeting.ownerCount ? $0.number : nil }
    }

    /// The feeds of the model's owners that have come so far.
    var present: [OwnerFeed] { feeds.values.filter { owner(of: $0) != nil } }

    func wake() {
        let woken = waiters
        waiters = []
        for waiter in woken { waiter.resume() }
    }

    func moved(_ feed: OwnerFeed) {
        guard let owner = owner(of: feed) else { return }
        meeting.moved(owner, to: feed.position)
        wake()
    }

    func lose(_ feed: OwnerFeed) {
        feed.follower.lost()
        moved(feed)
    }

    /// Unpacks what an action needs, while the bytes are at hand.
    func decode(
        _ header: RecordHeader, _ payload: Range<Int>, _ feed: OwnerFeed, for action: DeltaFollower.Action
    ) throws(FormatError) {
        switch action {
        case .takeSpec:
            let bytes = feed.window.bytes
            feed.specText = try decodeSpec(header, payload: bytes.span.extracting(payload))
        case .apply, .applyToCopy:
            guard let plan, header.stamp.fingerprint == plan.fingerprint else {
                throw .corrupt(what: "rows of another plan than the spec's")
            }
            try feed.decodeRows(
                header, payload, indexCount: plan.spec.indexCount, pauseRowCount: Limits.Feed.rowsPerTurn,
                pause: WorkThread.giveWay)
        case .beginCopy, .finishCopy, .noteHeartbeat, .ignore, .resync: break
        }
    }

    func giveWay(afterReceiving byteCount: Int) {
        byteCountSincePause += byteCount
        guard byteCountSincePause >= Limits.Feed.bytesPerTurn else { return }
        byteCountSincePause = 0
        WorkThread.giveWay()
    }

    func act(
        _ action: DeltaFollower.Action, _ header: RecordHeader, _ feed: OwnerFeed
    ) throws(Failure) -> Consequence {
        let stamp = header.stamp
        feed.watermarkMilliseconds = max(feed.watermarkMilliseconds, stamp.watermarkMilliseconds)
        switch action {
        case .takeSpec: try takeSpec(stamp, feed)
        case .beginCopy: try beginCopy(stamp, feed)
        case .applyToCopy: applyToHidden(feed)
        case .finishCopy:
            // More than one delta's rows are new to the other table.
            feed.deltasSinceFlip = 2
            note(stamp, feed)
            return try claimMeeting(feed)
        case .apply:
            applyToHidden(feed)
            feed.deltasSinceFlip += 1
            note(stamp, feed)
            status.withLockedValue { $0.appliedRowCount += UInt64(feed.indices.count) }
            return try claimMeeting(feed)
        case .noteHeartbeat:
            note(stamp, feed)
            try compareDigests(serving?.table)
            return claimWatermark()
        case .ignore: break
        case .resync(let why):
            throw .doesNotFit(why)
        }
        return .nothing
    }

    func note(_ stamp: RecordStamp, _ feed: OwnerFeed) {
        feed.digest = stamp.digest.map { ($0, stamp.version) }
    }

    func takeSpec(_ stamp: RecordStamp, _ feed: OwnerFeed) throws(Failure) {
        do throws(ConfigurationError) { plan = Plan(try ModelSpec(yaml: feed.specText)) } catch { throw .spec(error) }
        let (owner, count) = (Int(stamp.ownerIndex), Int(stamp.ownerCount))
        guard count & (count - 1) == 0, count <= (spec?.indexCount ?? 0) else {
            throw .doesNotFit("a model of \(count) owners")
        }
        for other in feeds.values where other !== feed && other.shard == Shard(owner, of: count) {
            guard !other.isConnected else {
                throw .doesNotFit("two servers own shard \(owner) of \(count); the first is followed")
            }
            // It owned the shard before.
            other.shard = nil
            other.follower.lost()
        }
        if count != meeting.ownerCount {
            // Another division of the rows: nothing that was held belongs to it.
            meeting = FeedMeeting(ownerCount: count)
            hiddenHistory = nil
            for other in feeds.values where other !== feed { other.follower.lost() }
        }
        feed.shard = Shard(owner, of: count)
        feed.isConnected = true
        tellConnections()
    }

    func tellConnections() {
        let connected = present.count { $0.isConnected }
        let isWhole = connected == meeting.ownerCount
        status.withLockedValue { status in
            status.isConnected = isWhole
            status.ownerCount = meeting.ownerCount
            status.connectedOwnerCount = connected
        }
    }
}
