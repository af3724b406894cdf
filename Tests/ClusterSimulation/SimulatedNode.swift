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
    /// Snapshots that the journal refers to are removed like others.
    var forgetsRestored = false
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

    var hasWork: Bool { member.hasStep || !loads.isEmpty || journal?.waiting.isEmpty == false }

    /// Reads snapshot and journal as `ModelLane` does.
    func replay(_ number: UInt64, _ epoch: UInt32, _ now: GroupMember.Now) {
        while !loads.isEmpty { load(now) }
        let snapshot = journal?.disk.snapshots.last { $0.footer.header.number <= number }
        let first = snapshot?.footer.header.number ?? 0
        let (published, entries) = journal?.commits(after: first, through: number) ?? (.zero, [])
        member.beginReplay(published: max(published, snapshot?.footer.header.version ?? .zero))
        generation += 1
        if ring.version < member.releasedVersion {
            ring.begin(at: member.releasedVersion)
        }
        if let snapshot {
            for record in snapshot.records { member.restore(read(record)) }
            member.restored(snapshot.footer)
        }
        for case .commit(let header, let clampedCount, let record) in entries {
            if header.restores > 0 {
                member.beginLoad()
                guard setRows(of: header.restores) else { return lost(header.restores) }
                member.replay(header, clampedCount: clampedCount, rows: ReadRows())
            } else {
                member.replay(header, clampedCount: clampedCount, rows: read(record))
            }
        }
        member.endReplay(through: number, epoch: epoch, now)
    }

    private func read(_ record: [UInt8]) -> ReadRows {
        var rows = ReadRows()
        do { try rows.read(record, member.spec, shard) } catch {
            preconditionFailure("a record that was written: \(error)")
        }
        return rows
    }

    // MARK: commands

    /// Snapshots whose rows are to be read.
    private(set) var loads: [UInt64] = []
    /// A snapshot that was to be there and is not.
    private(set) var lostSnapshot: UInt64?

    func pin(_ number: UInt64, for command: UInt32, _ now: GroupMember.Now) {
        guard let snapshot = snapshot(number) else {
            return member.snapshotPinned(command, .failure(SnapshotFailure(description: "it keeps none")), now)
        }
        journal?.disk.pinned.pin(number)
        member.snapshotPinned(command, .success(snapshot.footer), now)
    }

    func enqueueLoad(_ number: UInt64) { loads.append(number) }

    func load(_ now: GroupMember.Now) {
        guard !loads.isEmpty else { return }
        let number = loads.removeFirst()
        member.beginLoad()
        if setRows(of: number) { member.endLoad(nil, now) } else { lost(number) }
    }

    private func snapshot(_ number: UInt64) -> SimulatedSnapshot? {
        journal?.disk.snapshots.first { $0.footer.header.number == number }
    }

    private func setRows(of number: UInt64) -> Bool {
        guard let snapshot = snapshot(number) else { return false }
        for record in snapshot.records { member.restore(read(record)) }
        return true
    }

    private func lost(_ number: UInt64) { lostSnapshot = number }

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
        self.ended = nil
        let kept = journal.disk.snapshots.suffix(2)
        guard kept.count == 2, let older = kept.first else { return }
        journal.forget(through: older.footer.header.number)
        let restored = forgetsRestored ? [] : journal.index.restored(member.history)
        let pinned = forgetsRestored ? PinnedSnapshots() : journal.disk.pinned
        journal.disk.snapshots.removeAll { snapshot in
            let number = snapshot.footer.header.number
            return number < older.footer.header.number && !restored.contains(number) && !pinned.contains(number)
        }
    }

    /// Nothing was learned since the newest snapshot: the journal need not reach back further.
    func forgetIfIdle() {
        guard let journal, let newest = journal.disk.snapshots.last, journal.waiting.isEmpty,
            member.log.number == newest.footer.header.number
        else { return }
        journal.forget(through: newest.footer.header.number)
    }

    /// The newest snapshot cannot be read any more; the one before and the journal are enough.
    func loseNewestSnapshot() {
        guard let journal, let older = journal.disk.snapshots.dropLast().last?.footer.header.number else { return }
        let first = journal.index.models[member.history]?.commits.first?.number ?? .max
        if first <= older + 1 { journal.disk.snapshots.removeLast() }
    }

    func voidSnapshot() { (taking, ended, isTaken) = (nil, nil, false) }

    var isClosed: Bool {
        if case .closed = member.phase { true } else { false }
    }
}
