package import Domain
package import Format

/// Where each model's commits stand in a node's journal, and what else the journal says of it.
package struct JournalIndex: Sendable {
    /// A commit's entry.
    package struct Commit: Sendable {
        package var number: UInt64
        package var hash: UInt64
        package var publishedVersion: Version
        /// The commit whose snapshot it restores; 0 for none.
        package var restores: UInt64
        package var segment: UInt64
        package var offset: Int
        package var byteCount: Int
    }

    package struct Model: Sendable {
        package var identity: ModelIdentity
        package var epoch: UInt32
        package var stableNumber: UInt64 = 0
        /// Which of the models joined first, second …
        package var place: Int
        /// Rising by one.
        package var commits: [Commit] = []
    }

    package private(set) var models: [History: Model] = [:]
    private var joinCount = 0

    /// The models, in the order in which they joined first.
    package var inOrder: [(history: History, model: Model)] {
        models.sorted { $0.value.place < $1.value.place }.map { ($0.key, $0.value) }
    }

    package init() {}

    /// Takes all entries of a frame, or of what was just written.
    ///
    /// - Parameters:
    ///   - bytes, payload: where the entries are.
    ///   - segment, shift: where they stand on the disk: at `shift` more than in `bytes`.
    package mutating func take(
        _ bytes: [UInt8], _ payload: Range<Int>, segment: UInt64, shift: Int = 0
    ) throws(FormatError) {
        var at = payload.lowerBound
        while at < payload.upperBound {
            let (history, entry, end) = try JournalEntry.read(bytes, at: at, end: payload.upperBound, withRows: false)
            try take(history, entry, segment, at + shift, byteCount: end - at)
            at = end
        }
    }

    private mutating func take(
        _ history: History, _ entry: JournalEntry, _ segment: UInt64, _ offset: Int, byteCount: Int
    ) throws(FormatError) {
        switch entry {
        case .join(let epoch, let identity):
            models[history, default: Model(identity: identity, epoch: epoch, place: joinCount)].epoch = epoch
            joinCount += 1
        case .cut(let epoch, let number):
            guard models[history] != nil else { throw Self.unknown }
            models[history]?.epoch = epoch
            // One that the journal does not reach: a snapshot holds it, and what comes begins behind it.
            let isReached = models[history]?.commits.last.map { $0.number >= number } ?? true
            models[history]?.commits.removeAll { $0.number > number || !isReached }
        case .commit(let header, _, _):
            guard let model = models[history] else { throw Self.unknown }
            if let last = model.commits.last {
                guard header.number == last.number + 1, header.previousHash == last.hash else {
                    throw .corrupt(what: "commit \(header.number) does not follow commit \(last.number)")
                }
            }
            models[history]?.commits.append(
                Commit(
                    number: header.number, hash: header.hash, publishedVersion: header.publishedVersion,
                    restores: header.restores, segment: segment, offset: offset, byteCount: byteCount))
            note(stable: header.stableNumber, history)
        case .stable(let number):
            guard models[history] != nil else { throw Self.unknown }
            note(stable: number, history)
        case .forget: models[history] = nil
        }
    }

    /// Snapshots hold a model's commits up to this one.
    package mutating func forget(_ history: History, through number: UInt64) {
        models[history]?.commits.removeAll { $0.number <= number }
    }

    /// Commits whose snapshots the journal refers to: without them what follows cannot be read.
    package func restored(_ history: History) -> Set<UInt64> {
        Set(models[history]?.commits.map(\.restores).filter { $0 > 0 } ?? [])
    }

    /// The oldest segment that some commit is in; nil where there is none.
    package var oldestSegment: UInt64? { models.values.compactMap { $0.commits.first?.segment }.min() }

    private mutating func note(stable number: UInt64, _ history: History) {
        guard let known = models[history]?.stableNumber, known < number else { return }
        models[history]?.stableNumber = number
    }

    private static let unknown = FormatError.corrupt(what: "an entry of a model that never joined")

    /// What a new segment begins with: each model as it stands.
    package var heads: [UInt8] {
        var writer = FieldWriter()
        for (history, model) in inOrder {
            JournalEntry.join(epoch: model.epoch, model.identity).write(history, to: &writer)
            JournalEntry.stable(number: model.stableNumber).write(history, to: &writer)
        }
        return writer.bytes
    }
}

/// What a node's disk holds of a model when the node begins.
package struct RecoveredModel: Sendable {
    package var history: History
    package var identity: ModelIdentity
    package var log: OwnerLog

    /// - Parameter snapshot: the newest that can be read: the journal may begin behind it.
    package init(_ history: History, _ model: JournalIndex.Model, snapshot: CommitHeader? = nil) {
        self.history = history
        identity = model.identity
        log = OwnerLog(epoch: model.epoch, stableNumber: model.stableNumber)
        if let snapshot, snapshot.number > model.commits.last?.number ?? 0 {
            log.append(snapshot.number, snapshot.hash)
            return
        }
        for commit in model.commits.suffix(OwnerLog.rememberedCount) { log.append(commit.number, commit.hash) }
    }
}
