package import Domain
internal import Foundation

/// A classification tree on log loss, grown leaf by leaf: always the split that lowers the loss most.
///
/// Numbers are cut into at most 254 bins of equal weight first, so that a split is a choice among few edges.
///
/// - Source: Breiman et al. 1984 (CART), with the binomial deviance for impurity.
package struct TreeFit: Sendable {
    package struct Options: Sendable {
        /// Splits on the way to a leaf.
        package var depth = 6
        package var leafCount = 32
        /// The least weight of a leaf's examples.
        package var minimumWeight = 100.0

        package init() {}
    }

    package let inputs: [FeatureName]
    private let edges: [[Float]]
    /// Of each input the bin of every example, `missing` for none.
    private var codes: [[UInt8]]
    private var labels: [Bool] = []
    private var weights: [Double] = []

    private static let missing: UInt8 = 255
    private static let binCount = 255

    /// - Parameter summaries: of each input.
    package init(_ inputs: [FeatureName], summaries: [[ValueSummary.Run]]) {
        precondition(inputs.count == summaries.count, "one summary for each input")
        self.inputs = inputs
        edges = summaries.map { equalFrequencyEdges($0, binCount: Self.binCount) }
        codes = inputs.map { _ in [] }
    }

    package var exampleCount: Int { labels.count }

    /// Adds an example, or puts it in the place of another.
    package mutating func add(isPositive: Bool, weight: Double, _ numbers: ArraySlice<Float>, at place: Int? = nil) {
        let row = numbers.enumerated().map { k, value in
            value.isNaN ? Self.missing : UInt8(edges[k].partitioningIndex { $0 > value })
        }
        if let place {
            for k in codes.indices { codes[k][place] = row[k] }
            (labels[place], weights[place]) = (isPositive, weight)
        } else {
            for k in codes.indices { codes[k].append(row[k]) }
            labels.append(isPositive)
            weights.append(weight)
        }
    }

    package func grow(_ options: Options) -> Tree {
        var leaves = [Leaf(examples: Array(labels.indices), depth: 0)]
        leaves[0].split = bestSplit(leaves[0], options)
        var root = Branch.leaf(0)
        while leaves.count < options.leafCount {
            guard
                let place = leaves.indices.filter({ leaves[$0].split != nil }).max(by: {
                    (leaves[$0].split?.gain ?? 0, $1) < (leaves[$1].split?.gain ?? 0, $0)
                }), let split = leaves[place].split
            else { break }
            var (left, right) = (Leaf(examples: [], depth: leaves[place].depth + 1), Leaf(examples: [], depth: 0))
            right.depth = left.depth
            for example in leaves[place].examples {
                let code = codes[split.input][example]
                if code == Self.missing ? split.missing == .left : code <= split.bin {
                    left.examples.append(example)
                } else {
                    right.examples.append(example)
                }
            }
            left.split = bestSplit(left, options)
            right.split = bestSplit(right, options)
            root = root.splitting(place, split, right: leaves.count)
            leaves[place] = left
            leaves.append(right)
        }
        var nodes: [Tree.Node] = []
        var leafCount: Int32 = 0
        root.append(to: &nodes, edges, &leafCount)
        return Tree(nodes: nodes)
    }

    private struct Leaf {
        var examples: [Int]
        var depth: Int
        var split: Split?
    }

    fileprivate struct Split {
        var input: Int
        /// The last bin that goes left.
        var bin: UInt8
        var missing: Tree.Side
        var gain: Double
    }

    private func bestSplit(_ leaf: Leaf, _ options: Options) -> Split? {
        guard leaf.depth < options.depth else { return nil }
        var best: Split?
        for input in inputs.indices where !edges[input].isEmpty {
            var sums = [Loss](repeating: Loss(), count: 256)
            for example in leaf.examples {
                let code = Int(codes[input][example])
                if labels[example] {
                    sums[code].positive += weights[example]
                } else {
                    sums[code].negative += weights[example]
                }
            }
            let missing = sums[Int(Self.missing)]
            let present = sums[..<Int(Self.missing)].reduce(Loss()) { $0 + $1 }
            let before = (present + missing).total
            var left = Loss()
            for bin in 0..<edges[input].count {
                left = left + sums[bin]
                let right = present - left
                for side in [Tree.Side.left, .right] {
                    let (a, b) = side == .left ? (left + missing, right) : (left, right + missing)
                    guard a.weight >= options.minimumWeight, b.weight >= options.minimumWeight else { continue }
                    // Where nothing is missing, what will be goes with the more.
                    if missing.weight == 0 && (a.weight >= b.weight) != (side == .left) { continue }
                    let gain = before - a.total - b.total
                    if gain > best?.gain ?? 1e-9 * max(1, before) {
                        best = Split(input: input, bin: UInt8(bin), missing: side, gain: gain)
                    }
                }
            }
        }
        return best
    }
}

/// Weights of two classes and the log loss of predicting their mean.
private struct Loss {
    var negative = 0.0
    var positive = 0.0

    static func + (a: Self, b: Self) -> Self {
        Self(negative: a.negative + b.negative, positive: a.positive + b.positive)
    }
    static func - (a: Self, b: Self) -> Self {
        Self(negative: a.negative - b.negative, positive: a.positive - b.positive)
    }

    var weight: Double { negative + positive }
    /// Nats.
    var total: Double {
        guard negative > 0, positive > 0 else { return 0 }
        return -negative * log(negative / weight) - positive * log(positive / weight)
    }
}

/// A tree while it grows: leaves by their number in the order they came to be.
private indirect enum Branch {
    case leaf(Int)
    case split(TreeFit.Split, Branch, Branch)

    func splitting(_ leaf: Int, _ split: TreeFit.Split, right: Int) -> Branch {
        switch self {
        case .leaf(leaf): .split(split, .leaf(leaf), .leaf(right))
        case .leaf: self
        case .split(let own, let a, let b):
            .split(own, a.splitting(leaf, split, right: right), b.splitting(leaf, split, right: right))
        }
    }

    /// Leaves are numbered from left to right.
    func append(to nodes: inout [Tree.Node], _ edges: [[Float]], _ leafCount: inout Int32) {
        switch self {
        case .leaf:
            nodes.append(.leaf(leafCount))
            leafCount += 1
        case .split(let split, let left, let right):
            let place = nodes.count
            nodes.append(.leaf(0))
            left.append(to: &nodes, edges, &leafCount)
            nodes[place] = .split(
                input: split.input, edge: edges[split.input][Int(split.bin)], missing: split.missing,
                zeroIsMissing: false, right: nodes.count)
            right.append(to: &nodes, edges, &leafCount)
        }
    }
}

extension [Float] {
    /// How many of rising elements lie before the first for which `isBehind` holds.
    fileprivate func partitioningIndex(where isBehind: (Float) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
