internal import DeltaFeed
internal import Domain
internal import Features
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
    private let ringByteCountMax: Int

    init(
        _ member: consuming GroupMember, _ shard: Shard, _ journal: SimulatedJournal?, life: UInt64,
        ringByteCountMax: Int
    ) {
        self.member = member
        self.journal = journal
        self.ringByteCountMax = ringByteCountMax
        self.shard = shard
        ring = PartRing(version: .zero, byteCountMax: ringByteCountMax)
        nextNumber = life << 32
    }

    var hasWork: Bool { member.hasStep || journal?.waiting.isEmpty == false }

    /// Reads the journal as `ModelLane` does.
    func replay(_ number: UInt64, _ epoch: UInt32, _ now: GroupMember.Now) {
        let (published, entries) = journal?.commits(through: number) ?? (.zero, [])
        member.beginReplay(published: published)
        generation += 1
        if ring.version < member.releasedVersion {
            ring = PartRing(version: member.releasedVersion, byteCountMax: ringByteCountMax)
        }
        for case .commit(let header, let clampedCount, let rows) in entries {
            member.replay(header, clampedCount: clampedCount, rows: rows)
        }
        member.endReplay(through: number, epoch: epoch, now)
    }

    var isClosed: Bool {
        if case .closed = member.phase { true } else { false }
    }
}
