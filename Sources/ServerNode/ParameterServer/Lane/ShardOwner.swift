package import DeltaFeed
package import Domain
package import Features
internal import Format
package import Learning
package import Transport

/// One owner's side of the protocol, where a model has several: its rows, the slices parked for it, the round under way.
///
/// No I/O and no time: the clock's messages in, the answer out. Whatever does not fit what it holds is refused with a
/// sentence, and the model is closed: weights that may be wrong are not learned on.
package struct ShardOwner: ~Copyable {
    package struct Contradiction: Error, CustomStringConvertible {
        package let description: String
        init(_ description: String) { self.description = description }
    }

    package private(set) var rows: ModelRows
    package private(set) var publisher: Publisher
    /// The version behind the batch learned last; the number of the last commit, and the hash of its header.
    package private(set) var version = Version.zero
    private var committedVersion = Version.zero
    package private(set) var number: UInt64 = 0
    package private(set) var hash: UInt64 = 0
    /// Products clamped in examples that were learned.
    package private(set) var clampedCount = 0

    private struct Current {
        var batch: BatchID
        var slice: ExampleBatch
        var position = 0
        var window: Int
        /// Whether the rows hold tentative changes.
        var isTentative = false
    }
    private var parked: [BatchID: ExampleBatch] = [:]
    private var current: Current?
    private var round: UInt64 = 0
    private let history: History
    private let spec: ModelSpec
    /// For the journal; nil where there is none.
    private var commitRows: CommitRows?

    /// - Parameters:
    ///   - journals: whether a commit hands out the rows that changed.
    ///   - published: the version that followers hold, when rows are read from a disk.
    package init(
        _ spec: ModelSpec, _ shard: Shard, history: History, journals: Bool = false, published: Version = .zero
    ) {
        rows = ModelRows(spec, shard)
        publisher = Publisher(spec, shard, history: history, version: published)
        commitRows = journals ? CommitRows(spec, shard) : nil
        self.history = history
        self.spec = spec
    }

    /// Whether the rows hold only what is learned: copies may read them.
    package var isSettled: Bool { current?.isTentative != true }
    /// The version at which everything that the rows may hold is in: behind the batch under way.
    var settlingVersion: Version { current.map { version + $0.slice.exampleCount } ?? version }
    /// Whether the rows are exactly those of a commit.
    func isAt(commit number: UInt64) -> Bool { number == self.number && current == nil && version == committedVersion }
    var parkedCount: Int { parked.count }

    /// Batches whose slices wait for their order.
    package var parkedBatches: [BatchID] { Array(parked.keys) }

    /// Whether the batch's slice is here, parked or being learned.
    package func has(_ batch: BatchID) -> Bool { parked[batch] != nil || current?.batch == batch }

    /// Parks a slice until its batch is ordered or dropped.
    package mutating func park(_ slice: ExampleBatch, of batch: BatchID) throws(Contradiction) {
        guard slice.fits(rowCount: rows.count) else {
            throw Contradiction("a slice of batch \(batch) has a row that shard \(rows.shard.number) has not")
        }
        parked[batch] = slice
    }

    package mutating func drop(_ batch: BatchID) { parked[batch] = nil }

    /// The batch is next: its first window is passed at once, and nothing of it is tried.
    package mutating func ordered(_ batch: BatchID, version: Version, window: Int) throws(Contradiction) -> PeerMessage?
    {
        guard current == nil, version == self.version else {
            throw Contradiction("batch \(batch) was ordered at version \(version), here is \(self.version)")
        }
        guard let slice = parked.removeValue(forKey: batch) else {
            throw Contradiction("batch \(batch) was ordered and its slice is not here")
        }
        guard window <= slice.exampleCount, window > 0 || slice.exampleCount == 0 else {
            throw Contradiction("a window of \(window) in a batch of \(slice.exampleCount)")
        }
        current = Current(batch: batch, slice: slice, window: window)
        guard window == 0 else { return pass(residuals: []) }
        endBatch(slice)
        return nil
    }

    /// A round was decided: keeps what is learned.
    package mutating func settle(_ told: Residuals) throws(Contradiction) {
        guard let open = current, open.isTentative, told.round == round, told.accepted <= open.window else {
            throw Contradiction("round \(told.round) does not follow round \(round)")
        }
        let position = open.position + told.accepted
        let left = open.slice.exampleCount - position
        guard told.window <= left, (told.window == 0) == (left == 0), told.residuals.count <= told.window else {
            throw Contradiction("round \(told.round) leads outside its batch")
        }
        clampedCount += rows.settle(accepted: told.accepted)
        round += 1
        current?.isTentative = false
        current?.position = position
        current?.window = told.window
        if told.window == 0 { endBatch(open.slice) }
    }

    private mutating func endBatch(_ slice: ExampleBatch) {
        if commitRows == nil { publisher.learned(slice) } else { commitRows!.learned(slice) }
        version = version + slice.exampleCount
        current = nil
    }

    /// Passes the next window, unless the batch is over. Behind `settle`; what must see settled rows runs in between.
    package mutating func next(_ told: Residuals) -> PeerMessage? {
        told.window == 0 ? nil : pass(residuals: told.residuals)
    }

    private mutating func pass(residuals: [Float]) -> PeerMessage {
        guard let open = current else { preconditionFailure("a batch is under way") }
        let window = open.position..<open.position + open.window
        rows.pass(
            open.slice, residuals: residuals, from: open.position, window: window,
            tried: open.position..<open.position + residuals.count)
        current?.isTentative = true
        return .partials(round: round, margins: Array(rows.margins[..<window.count]))
    }

    /// The batches since the last commit are over.
    ///
    /// - Parameter clampedCount: of the snapshot that the commit restores.
    /// - Returns: what of it the journal keeps: the rows that they changed, where there is a journal.
    package mutating func commit(
        _ header: CommitHeader, clampedCount: Int? = nil
    ) throws(Contradiction) -> JournalEntry {
        guard current == nil else { throw Contradiction("commit \(header.number) falls into a batch") }
        let next = header.republishes ? version + 1 : version
        guard header.number == number + 1, header.previousHash == hash, header.history == history,
            header.version == next, header.standing.learner.hasSameRule(as: spec.learner),
            header.fingerprint == spec.fingerprint
        else { throw Contradiction("commit \(header.number) does not follow commit \(number)") }
        var record: [UInt8] = []
        if commitRows != nil {
            let (changed, rows) = commitRows!.take(rows, from: committedVersion, header)
            publisher.learned(changed)
            record = rows
        }
        if header.republishes { republish(header) }
        (number, hash, version, committedVersion) = (header.number, header.hash, header.version, header.version)
        return .commit(header, clampedCount: clampedCount ?? self.clampedCount, rows: record)
    }

    private mutating func republish(_ header: CommitHeader) {
        rows.setRates(header.standing.learner)
        // One that is read from a disk may be behind what followers have.
        if header.version > publisher.version { publisher.begin(at: header.version) }
    }

    /// Sets the rows of a commit that the disk kept. Those that it restores are set already.
    package mutating func replay(_ header: CommitHeader, clampedCount: Int, _ read: ReadRows) {
        rows.setState(at: read.rows, read.values)
        if header.republishes { republish(header) }
        if header.version > publisher.version { publisher.learned(read.rows) }
        (number, hash, self.clampedCount) = (header.number, header.hash, clampedCount)
        (version, committedVersion) = (header.version, header.version)
    }

    /// As `WholeOwner`'s.
    mutating func clear() { rows.clear() }

    /// Sets rows of a snapshot.
    mutating func restore(_ read: ReadRows) { rows.setState(at: read.rows, read.values) }

    mutating func restored(_ footer: SnapshotFooter) {
        let header = footer.header
        rows.setRates(header.standing.learner)
        (number, hash, clampedCount) = (header.number, header.hash, footer.clampedCount)
        (version, committedVersion) = (header.version, header.version)
    }

    /// A new epoch begins: what was on its way is offered again.
    package mutating func beginEpoch() { (parked, round) = ([:], 0) }

    /// Whether nothing changed since the last publish, and no digest over all rows is wanted.
    func isHeartbeat(_ publish: Publish) -> Bool { version == publisher.version && !publish.digestsAllRows }

    /// Makes the part of a publish, or a heartbeat: the rows changed since the last one, as of the last commit.
    package mutating func publish(_ publish: Publish) throws(Contradiction) -> FeedPart<Bytes> {
        guard current == nil, publish.number == number else {
            throw Contradiction("a publish of commit \(publish.number) at commit \(number)")
        }
        if isHeartbeat(publish) {
            return publisher.heartbeat(watermarkMilliseconds: publish.watermarkMilliseconds)
        }
        return publisher.publish(
            rows, at: version, watermarkMilliseconds: publish.watermarkMilliseconds,
            digestsAllRows: publish.digestsAllRows)
    }
}
