package import DeltaFeed
package import Domain
package import Features
internal import Format
package import Learning
package import Transport

/// The only owner of a model: plain sequential learning, and the publisher of what it changes.
package struct WholeOwner: ~Copyable {
    package private(set) var learner: Learner
    package private(set) var publisher: Publisher
    /// Batches whose features came from another node's intake.
    private var parked: [BatchID: ExampleBatch] = [:]
    /// The version behind the batch learned last; that of the last commit.
    package private(set) var version = Version.zero
    private var committedVersion = Version.zero
    private var number: UInt64 = 0
    /// For the journal; nil where there is none.
    private var commitRows: CommitRows?

    /// - Parameters: as `ShardOwner`'s.
    package init(_ spec: ModelSpec, history: History, journals: Bool = false, published: Version = .zero) {
        learner = Learner(spec)
        publisher = Publisher(spec, history: history, version: published)
        commitRows = journals ? CommitRows(spec, .whole) : nil
    }

    /// Whether the rows are exactly those of a commit.
    func isAt(commit number: UInt64) -> Bool { number == self.number && version == committedVersion }

    package mutating func park(_ slice: ExampleBatch, of batch: BatchID) throws(ShardOwner.Contradiction) {
        guard slice.fits(rowCount: learner.rows.count) else {
            throw .init("a slice of batch \(batch) has an index that the model has not")
        }
        parked[batch] = slice
    }

    package mutating func drop(_ batch: BatchID) { parked[batch] = nil }

    /// Learns a batch: the offer's own features, or those parked for it.
    package mutating func learn(_ batch: BatchID, _ offer: BatchOffer) throws(ShardOwner.Contradiction) {
        if var slice = parked.removeValue(forKey: batch) {
            guard slice.exampleCount == offer.examples.exampleCount else {
                throw .init(
                    "batch \(batch) has \(slice.exampleCount) examples and \(offer.examples.exampleCount) labels")
            }
            slice.setLabels(of: offer.examples)
            learn(slice)
        } else {
            learn(offer.examples)
        }
    }

    private mutating func learn(_ batch: ExampleBatch) {
        learner.learn(batch)
        version = version + batch.exampleCount
        if commitRows == nil { publisher.learned(batch) } else { commitRows!.learned(batch) }
    }

    /// The batches since the last commit are over; what of it the journal keeps, as `ShardOwner`'s.
    ///
    /// - Parameter clampedCount: of the snapshot that the commit restores.
    mutating func commit(_ header: CommitHeader, clampedCount: Int? = nil) -> JournalEntry {
        var record: [UInt8] = []
        if commitRows != nil {
            let (changed, rows) = commitRows!.take(learner.rows, from: committedVersion, header)
            publisher.learned(changed)
            record = rows
        }
        if header.republishes { republish(header) }
        (number, version, committedVersion) = (header.number, header.version, header.version)
        return .commit(header, clampedCount: clampedCount ?? learner.clampedCount, rows: record)
    }

    private mutating func republish(_ header: CommitHeader) {
        learner.setRates(header.standing.learner)
        // One that is read from a disk may be behind what followers have.
        if header.version > publisher.version { publisher.begin(at: header.version) }
    }

    /// Sets the rows of a commit that the disk kept. Those that it restores are set already.
    mutating func replay(_ header: CommitHeader, clampedCount: Int, _ read: ReadRows) {
        learner.setState(at: read.rows, read.values)
        if header.republishes { republish(header) }
        learner.restore(
            exampleCount: header.exampleCount, validation: Validation(total: header.total, window: header.window),
            acceptedLately: Int(header.acceptedLately), windowMax: Int(header.windowMax),
            normalization: header.normalization, clampedCount: clampedCount)
        if header.version > publisher.version { publisher.learned(read.rows) }
        (number, version, committedVersion) = (header.number, header.version, header.version)
    }

    /// Empty rows, for those of a snapshot. Batches that wait for their order stay.
    mutating func clear() { learner.clear() }

    /// Sets rows of a snapshot.
    mutating func restore(_ read: ReadRows) { learner.setState(at: read.rows, read.values) }

    mutating func restored(_ footer: SnapshotFooter) {
        let header = footer.header
        learner.restore(
            exampleCount: header.exampleCount, validation: Validation(total: header.total, window: header.window),
            acceptedLately: Int(header.acceptedLately), windowMax: Int(header.windowMax),
            normalization: header.normalization, clampedCount: footer.clampedCount)
        learner.setRates(header.standing.learner)
        (number, version, committedVersion) = (header.number, header.version, header.version)
    }

    /// A new epoch begins: what was on its way is offered again.
    mutating func beginEpoch() { parked = [:] }

    /// Whether nothing changed since the last publish, and no digest over all rows is wanted.
    func isHeartbeat(_ publish: Publish) -> Bool { version == publisher.version && !publish.digestsAllRows }

    /// The rows changed since the last publish, or a heartbeat.
    package mutating func publish(_ publish: Publish) -> FeedPart<Bytes> {
        if isHeartbeat(publish) {
            return publisher.heartbeat(watermarkMilliseconds: publish.watermarkMilliseconds)
        }
        return publisher.publish(
            learner.rows, at: version, watermarkMilliseconds: publish.watermarkMilliseconds,
            digestsAllRows: publish.digestsAllRows)
    }
}
