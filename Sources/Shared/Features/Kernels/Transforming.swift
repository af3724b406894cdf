internal import Domain

/// Turns a line's numbers into bins as they are read, and adds behind the line what its numbers lack and the leaves they lead to.
struct Transforming: Sendable {
    let plan: TransformPlan
    /// The number of each slot, NaN where the line has none. Shape [slots].
    private var inputs: [Float]
    private var isSeen: [Bool]
    /// What a context's numbers are, where lines are its candidates.
    private var context: (inputs: [Float], isSeen: [Bool])?
    /// What `inputs` was for every example since it was emptied, one row after the other; nil unless it is wanted.
    var rows: [Float]?

    init(_ plan: TransformPlan) {
        self.plan = plan
        inputs = Array(repeating: .nan, count: plan.slots.count)
        isSeen = Array(repeating: false, count: plan.slots.count)
    }

    /// What a feature of a line is to the transforms.
    enum Role {
        /// Its bin stands in its place.
        case binned(UInt32)
        /// Trees compare it; it stays what it is, if it is finite.
        case input
        case other
    }

    mutating func beginLine() {
        for k in inputs.indices { inputs[k] = context?.inputs[k] ?? .nan }
        for k in isSeen.indices { isSeen[k] = context?.isSeen[k] ?? false }
    }

    @inline(__always)
    func looksAt(namespace: UInt32) -> Bool {
        for known in plan.namespaces where known == namespace { return true }
        return false
    }

    /// Takes in a feature by its hash before the mask. Of a feature that comes twice trees see the last.
    mutating func take(_ hash: UInt32, _ value: Float) -> Role {
        let place = plan.slot(ofHash: hash)
        guard place >= 0 else { return .other }
        inputs[place] = value
        isSeen[place] = true
        let slot = plan.slots[place]
        guard slot.firstBin >= 0 else { return .input }
        if value.isNaN { return .binned(slot.missingHash) }
        return .binned(plan.binHashes[slot.firstBin + bin(value, slot.firstEdge, slot.edgeCount)])
    }

    /// The number of edges at or below a number, which is the number of its bin.
    @inline(__always)
    private func bin(_ value: Float, _ firstEdge: Int, _ edgeCount: Int) -> Int {
        unsafe plan.edges.withUnsafeBufferPointer {
            unsafe binNumber(value, $0.baseAddress! + firstEdge, count: edgeCount)
        }
    }

    /// Whether `finishLine` adds anything: not where a part of a line is looked at.
    var addsToLines = true

    /// Lines from here on go on where the last one ended; without it they stand alone.
    mutating func keepContext(_ isKept: Bool) {
        context = isKept ? (inputs, isSeen) : nil
        addsToLines = true
    }

    /// Adds the features of missing numbers and of leaves. `crossing` is told of them as of namespaces of their own.
    mutating func finishLine(into columns: inout BatchColumns, _ crossing: inout Crossing?) {
        guard addsToLines else { return }
        var start = columns.featureCount
        for place in 0..<plan.binnedCount {
            if !isSeen[place] { columns.addFeature(plan.slots[place].missingHash, 1) }
            let isLast = place + 1 == plan.binnedCount || plan.slots[place + 1].byte != plan.slots[place].byte
            if isLast && columns.featureCount > start {
                crossing?.append(plan.slots[place].byte, start..<columns.featureCount)
                start = columns.featureCount
            }
        }
        unsafe plan.nodes.withUnsafeBufferPointer { nodes in
            unsafe inputs.withUnsafeBufferPointer { inputs in
                var tree = 0
                for forest in plan.forests {
                    while tree < forest.end {
                        let leaf = unsafe leaf(nodes.baseAddress!, from: plan.roots[tree], inputs.baseAddress)
                        columns.addFeature(leaf.right, 1)
                        tree += 1
                    }
                    crossing?.append(forest.byte, start..<columns.featureCount)
                    start = columns.featureCount
                }
            }
        }
    }

    /// Keeps the line's numbers, if they are wanted.
    mutating func keepRow() { rows?.append(contentsOf: inputs) }

}

extension Transforming {
    /// The names of what `finishLine` added to the line read last, by the namespaces that crosses know them by.
    func namesOfAdded(_ spec: ModelSpec) -> [(byte: UInt8, names: [String])] {
        var groups: [(byte: UInt8, names: [String])] = []
        for (place, bins) in spec.transforms.bins.enumerated() {
            let byte = plan.slots[place].byte
            if groups.last?.byte != byte { groups.append((byte, [])) }
            if !isSeen[place] { groups[groups.count - 1].names.append(bins.feature.sibling(bins.missingName)) }
        }
        var tree = 0
        for (forest, planned) in zip(spec.transforms.forests, plan.forests) {
            let leaves = leaves(tree..<planned.end).enumerated().map { number, leaf in
                "\(forest.namespace)^\(Forest.name(ofTree: number, leaf: leaf))"
            }
            groups.append((planned.byte, leaves))
            tree = planned.end
        }
        return groups
    }

    private func leaves(_ trees: Range<Int>) -> [Int32] {
        unsafe plan.nodes.withUnsafeBufferPointer { nodes in
            unsafe inputs.withUnsafeBufferPointer { inputs in
                trees.map { unsafe leaf(nodes.baseAddress!, from: plan.roots[$0], inputs.baseAddress).leaf }
            }
        }
    }

    /// The name of the bin of the one feature of the line read last, if it has bins.
    func nameOfOnlyBin(_ spec: ModelSpec) -> String? {
        guard let place = isSeen.firstIndex(of: true), place < plan.binnedCount else { return nil }
        let (bins, value) = (spec.transforms.bins[place], inputs[place])
        let number = bin(value, plan.slots[place].firstEdge, bins.edges.count)
        return bins.feature.sibling(value.isNaN ? bins.missingName : bins.name(ofBin: number))
    }
}

/// The bin of each number: how many of the edges are at or below it.
///
/// - Parameters:
///   - edges: rising, no NaN.
///   - bins: receives one for each number.
/// - Precondition: `bins` is as long as `numbers`.
package func binNumbers(_ numbers: [Float], edges: [Float], into bins: inout [Int]) {
    precondition(bins.count == numbers.count, "a bin for each number")
    let padded = padded(edges)
    unsafe padded.withUnsafeBufferPointer { padded in
        for k in numbers.indices {
            bins[k] = unsafe binNumber(numbers[k], padded.baseAddress!, count: edges.count)
        }
    }
}

/// Edges as `binNumber` wants them: NaN behind the last, up to a whole group of eight and eight more.
func padded(_ edges: [Float]) -> [Float] { edges + repeatElement(.nan, count: 16 - edges.count % 8) }

/// How many of `count` rising edges are at or below `value`.
///
/// Halves the range without a branch until 32 are left, then counts eight at a time.
/// - Parameter edges: behind the last are NaN up to a whole group of eight, and eight more.
@inline(__always)
func binNumber(_ value: Float, _ edges: UnsafePointer<Float>, count: Int) -> Int {
    var first = 0
    var left = count
    while left > 32 {
        let half = left >> 1
        first = unsafe edges[first &+ half &- 1] <= value ? first &+ half : first
        left &-= half
    }
    var found = SIMD8<Int32>(repeating: 0)
    let wanted = SIMD8<Float>(repeating: value)
    var at = 0
    while at < left {
        let eight = unsafe UnsafeRawPointer(edges + (first &+ at)).loadUnaligned(as: SIMD8<Float>.self)
        found.replace(with: found &+ 1, where: eight .<= wanted)
        at &+= 8
    }
    // Beyond the range that is left the group may hold further edges; all that is at or below the value is before them.
    return min(first &+ Int(found.wrappedSum()), count)
}

/// The leaf that numbers lead to from a root.
private func leaf(_ nodes: UnsafePointer<PlanNode>, from root: Int, _ inputs: UnsafePointer<Float>?) -> PlanNode {
    var at = root
    while true {
        let node = unsafe nodes[at]
        guard node.slot >= 0, let inputs = unsafe inputs else { return node }
        let value = unsafe inputs[Int(node.slot)]
        let isMissing = value.isNaN || (node.zeroIsMissing && value.magnitude <= zeroMagnitudeMax)
        let goesLeft = isMissing ? node.missingIsLeft : value < node.edge
        at = goesLeft ? at &+ 1 : Int(node.right)
    }
}

/// What counts as 0 where zeros are missing. Source: LightGBM, `kZeroThreshold`.
private let zeroMagnitudeMax: Float = 1e-35
