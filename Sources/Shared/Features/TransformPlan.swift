internal import Domain

/// A spec's transforms with every name hashed: tables that `Transforming` reads.
///
/// A feature that bins or trees look at has a slot, found by its hash before the mask: two of a spec's names would have to share
/// all 32 bits to be taken for each other.
struct TransformPlan: Sendable {
    struct Slot: Sendable {
        var name: FeatureName
        /// The first byte of its namespace, as crosses know it.
        var byte: UInt8
        /// Its bins are binHashes[firstBin ... firstBin + edgeCount]; −1 for one that only trees look at.
        var firstBin = -1
        /// Its edges are edges[firstEdge ..< firstEdge + edgeCount], padded with NaN to whole groups of eight and eight more.
        var firstEdge = 0
        var edgeCount = 0
        /// Of the feature that stands for no number.
        var missingHash: UInt32 = 0
    }

    private(set) var slots: [Slot] = []
    private(set) var edges: [Float] = []
    private(set) var binHashes: [UInt32] = []
    /// Slots with bins are the first of them.
    let binnedCount: Int

    /// Nodes of all trees; a left child follows its parent.
    private(set) var nodes: [PlanNode] = []
    private(set) var roots: [Int] = []
    /// Of each forest: the first byte of its namespace, and where its trees end in `roots`.
    private(set) var forests: [(byte: UInt8, end: Int)] = []

    /// Namespaces that have a slot.
    private(set) var namespaces: [UInt32] = []
    /// Open addressing: the slot of a hash, −1 where there is none.
    private var table: [(hash: UInt32, slot: Int32)] = []

    init(_ transforms: Transforms, _ hashing: ModelSpec.Hashing) {
        binnedCount = transforms.bins.count
        var places: [FeatureName: Int] = [:]
        for bins in transforms.bins {
            places[bins.feature] = slots.count
            var slot = Slot(name: bins.feature, byte: bins.feature.namespace.utf8.first ?? UInt8(ascii: " "))
            let namespace = hashing.hash(ofNamespace: bins.feature.namespace)
            (slot.firstBin, slot.firstEdge, slot.edgeCount) = (binHashes.count, edges.count, bins.edges.count)
            slot.missingHash = hashing.hash(bins.missingName, in: namespace)
            binHashes += (0...bins.edges.count).map { hashing.hash(bins.name(ofBin: $0), in: namespace) }
            edges += padded(bins.edges)
            slots.append(slot)
        }
        for forest in transforms.forests {
            var inputs: [Int] = []
            for input in forest.inputs {
                if places[input] == nil {
                    places[input] = slots.count
                    slots.append(Slot(name: input, byte: input.namespace.utf8.first ?? UInt8(ascii: " ")))
                }
                inputs.append(places[input] ?? 0)
            }
            let namespace = hashing.hash(ofNamespace: forest.namespace)
            for (number, tree) in forest.trees.enumerated() {
                let start = nodes.count
                roots.append(start)
                for node in tree.nodes {
                    switch node {
                    case .leaf(let id):
                        let hash = hashing.hash(Forest.name(ofTree: number, leaf: id), in: namespace)
                        nodes.append(PlanNode(leaf: id, hash))
                    case .split(let input, let edge, let missing, let zeroIsMissing, let right):
                        nodes.append(
                            PlanNode(
                                slot: inputs[input], edge: edge, missingIsLeft: missing == .left,
                                zeroIsMissing: zeroIsMissing, right: start + right))
                    }
                }
            }
            forests.append((forest.namespace.utf8.first ?? UInt8(ascii: " "), roots.count))
        }
        var count = 16
        while count < 4 * slots.count { count *= 2 }
        table = Array(repeating: (0, -1), count: count)
        for (number, slot) in slots.enumerated() {
            let namespace = hashing.hash(ofNamespace: slot.name.namespace)
            if !namespaces.contains(namespace) { namespaces.append(namespace) }
            let hash = hashing.hash(slot.name.name, in: namespace)
            var at = Int(hash) & (count - 1)
            while table[at].slot >= 0 { at = (at + 1) & (count - 1) }
            table[at] = (hash, Int32(number))
        }
    }

    /// The most features that an example gets beside its own.
    var addedCountMax: Int { binnedCount + roots.count }

    /// The slot of a feature by its hash before the mask, or −1.
    @inline(__always)
    func slot(ofHash hash: UInt32) -> Int {
        let mask = table.count &- 1
        var at = Int(hash) & mask
        while table[at].slot >= 0 {
            if table[at].hash == hash { return Int(table[at].slot) }
            at = (at &+ 1) & mask
        }
        return -1
    }
}

/// A node of a tree, ready to be walked.
struct PlanNode: Sendable {
    let edge: Float
    /// −1 less its number for a leaf.
    let slot: Int32
    /// The place of the right child; a leaf's hash.
    let right: UInt32
    let missingIsLeft: Bool
    let zeroIsMissing: Bool

    init(leaf id: Int32, _ hash: UInt32) {
        (edge, slot, right, missingIsLeft, zeroIsMissing) = (0, ~id, hash, false, false)
    }

    /// The number of a leaf.
    var leaf: Int32 { ~slot }

    init(slot: Int, edge: Float, missingIsLeft: Bool, zeroIsMissing: Bool, right: Int) {
        self.edge = edge
        self.slot = Int32(slot)
        self.right = UInt32(right)
        self.missingIsLeft = missingIsLeft
        self.zeroIsMissing = zeroIsMissing
    }
}
