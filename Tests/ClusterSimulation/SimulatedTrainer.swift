internal import Domain
internal import Features

/// A trainer with a name: posts its batches in order, several at a time, by any node, and again until each is acknowledged.
struct SimulatedTrainer {
    let name: ModelName
    let batches: [ExampleBatch]
    /// Acknowledged, by number.
    private(set) var acknowledged: Set<UInt64> = []
    /// Posted and not answered: by which node and when.
    private(set) var posted: [UInt64: (node: Int, at: UInt64)] = [:]
    private static let patience: UInt64 = 3000
    private static let window = 4

    init(name: ModelName, batches: [ExampleBatch]) {
        self.name = name
        self.batches = batches
    }

    var isDone: Bool { acknowledged.count == batches.count }

    /// The next number to post, if one may be.
    func next(at now: UInt64) -> UInt64? {
        guard posted.count < Self.window else { return nil }
        return (1...UInt64(batches.count)).first { !acknowledged.contains($0) && posted[$0] == nil }
    }

    mutating func post(_ sequence: UInt64, to node: Int, at now: UInt64) { posted[sequence] = (node, now) }

    mutating func acknowledge(_ sequence: UInt64) {
        acknowledged.insert(sequence)
        posted[sequence] = nil
    }

    /// Not taken: post it again.
    mutating func refused(_ sequence: UInt64) { posted[sequence] = nil }

    mutating func crashed(node: Int) { posted = posted.filter { $0.value.node != node } }

    /// Posts again what nobody answers.
    mutating func losePatience(at now: UInt64) { posted = posted.filter { $0.value.at + Self.patience > now } }

    /// Begins anew: it remembers nothing, and batches it sent again are duplicates.
    mutating func restart() {
        acknowledged = []
        posted = [:]
    }
}
