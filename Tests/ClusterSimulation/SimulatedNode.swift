internal import DeltaFeed
internal import Domain
internal import Features
internal import Format
internal import ParameterServer
internal import Transport

/// A server node without threads or sockets: the product's group member, the batches of its intake, and its ring.
final class SimulatedNode {
    var member: GroupMember
    let shard: Shard
    /// Batches of this node's intake: who sent them, and the slices that wait for a grant.
    struct Pending {
        var trainer: Int
        var sequence: UInt64
        var slices: [ExampleBatch]
        var offer: BatchOffer
    }
    var pending: [BatchID: Pending] = [:]
    var ring: PartRing<Bytes>
    var nextNumber: UInt64
    let journal: SimulatedJournal?
    /// Counts replays: a copy that was begun before one is void.
    var generation = 0

    init(
        _ member: consuming GroupMember, _ shard: Shard, _ journal: SimulatedJournal?, life: UInt64,
        ringByteCountMax: Int
    ) {
        self.member = member
        self.journal = journal
        self.shard = shard
        ring = PartRing(version: .zero, byteCountMax: ringByteCountMax)
        nextNumber = life << 32
    }

    var hasWork: Bool { member.hasStep || journal?.waiting.isEmpty == false }

    /// Reads snapshot and journal as `ModelLane` does.
    func replay(_ number: UInt64, _ epoch: UInt32, _ now: GroupMember.Now) {
        let snapshot = journal?.disk.snapshots.last { $0.footer.header.number <= number }
        let first = snapshot?.footer.header.number ?? 0
        let (published, entries) = journal?.commits(after: first, through: number) ?? (.zero, [])
        member.beginReplay(published: max(published, snapshot?.footer.header.version ?? .zero))
        generation += 1
        if ring.version < member.releasedVersion {
            ring.begin(at: member.releasedVersion)
        }
        if let snapshot {
            for record in snapshot.records { restore(record) }
            member.restored(snapshot.footer)
        }
        for case .commit(let header, let clampedCount, let rows) in entries {
            member.replay(header, clampedCount: clampedCount, rows: rows)
        }
        member.endReplay(through: number, epoch: epoch, now)
    }

    private func restore(_ record: [UInt8]) {
        var reader = RecordReader()
        do {
            guard case .record(let header, let payload) = try reader.read(record.span) else { return }
            try member.restore(header, record.span.extracting(payload))
        } catch { preconditionFailure("a snapshot that was written: \(error)") }
    }

    // MARK: snapshots

    /// A snapshot under way, as `ModelLane` takes it.
    private(set) var taking: (stream: SnapshotStream, records: [[UInt8]])?
    private var ended: SimulatedSnapshot?

    func beginSnapshot() {
        let stream = SnapshotStream(
            member.spec, shard, history: member.history, version: member.learnedVersion, chunkRowCount: 10)
        taking = (stream, [])
    }

    /// Takes a chunk, if rows are settled; else the owner pauses for one.
    func takeChunk(_ now: GroupMember.Now) {
        guard taking != nil, !isTaken else { return }
        guard member.hasSettledRows else {
            member.wantsPause = true
            return
        }
        guard let range = taking!.stream.nextRange else {
            isTaken = true
            return member.snapshotTaken(now)
        }
        let chunk = taking!.stream.chunk(range, member.state(range))
        taking!.stream.tookRange()
        if !chunk.isEmpty { taking!.records.append(chunk) }
    }
    private var isTaken = false

    func appendToSnapshot(_ entry: JournalEntry) {
        if case .commit(_, _, let rows) = entry, !rows.isEmpty { taking?.records.append(rows) }
    }

    func endSnapshot(_ footer: SnapshotFooter) {
        ended = taking.map { SimulatedSnapshot(records: $0.records, footer: footer) }
        (taking, isTaken) = (nil, false)
    }

    func keepSnapshot() {
        guard let ended, let journal else { return }
        journal.disk.snapshots.append(ended)
        if journal.disk.snapshots.count > 2 { journal.disk.snapshots.removeFirst() }
        if journal.disk.snapshots.count == 2 { journal.forget(through: journal.disk.snapshots[0].footer.header.number) }
        self.ended = nil
    }

    func voidSnapshot() { (taking, ended, isTaken) = (nil, nil, false) }

    var isClosed: Bool {
        if case .closed = member.phase { true } else { false }
    }
}
