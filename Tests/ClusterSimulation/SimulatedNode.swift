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
    var pending: [BatchID: (trainer: Int, sequence: UInt64, slices: [ExampleBatch])] = [:]
    var ring: PartRing<Bytes>
    var nextNumber: UInt64

    init(_ member: consuming GroupMember, _ shard: Shard, life: UInt64, ringByteCountMax: Int) {
        self.member = member
        self.shard = shard
        ring = PartRing(version: .zero, byteCountMax: ringByteCountMax)
        nextNumber = life << 32
    }

    var isClosed: Bool {
        if case .closed = member.phase { true } else { false }
    }
}
