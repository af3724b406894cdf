internal import Domain
internal import Foundation

/// Fayyad's and Irani's discretiser: cuts where the labels' entropy falls by more than the cut costs to describe.
///
/// - Source: Fayyad and Irani 1993, "Multi-Interval Discretization of Continuous-Valued Attributes", with two classes.
///   Of several best cuts the lowest is taken.
/// - Returns: the edges, rising; none where no cut pays.
/// - Cost: O(runs × depth of the cuts).
package func mdlEdges(_ runs: [ValueSummary.Run]) -> [Float] {
    var sums = [ClassWeights()]
    for run in runs { sums.append(sums[sums.count - 1] + ClassWeights(run.negative, run.positive)) }
    var edges: [Float] = []
    // Wide ranges first, so that a bound on edges would leave out the narrow ones.
    var ranges = [0..<runs.count]
    var next = 0
    while next < ranges.count && edges.count < Limits.Transforms.edgeCountMax {
        let range = ranges[next]
        next += 1
        guard let cut = bestCut(range, runs, sums) else { continue }
        edges.append(edge(between: runs[cut - 1].highest, and: runs[cut].lowest))
        ranges += [range.lowerBound..<cut, cut..<range.upperBound]
    }
    return edges.sorted()
}

/// The place of the best cut of a range, or nil where none pays.
private func bestCut(_ range: Range<Int>, _ runs: [ValueSummary.Run], _ sums: [ClassWeights]) -> Int? {
    let whole = sums[range.upperBound] - sums[range.lowerBound]
    guard range.count > 1, whole.classCount == 2, whole.total > 1 else { return nil }
    var best: (cut: Int, bits: Double)?
    for cut in range.dropFirst() {
        let (left, right) = (runs[cut - 1], runs[cut])
        // Fayyad's theorem: a best cut never lies between two numbers of one and the same class.
        if left.isPure && right.isPure && (left.positive == 0) == (right.positive == 0) { continue }
        let bits = (sums[cut] - sums[range.lowerBound]).bits + (sums[range.upperBound] - sums[cut]).bits
        if bits < best?.bits ?? .infinity { best = (cut, bits) }
    }
    guard let best else { return nil }
    let (left, right) = (sums[best.cut] - sums[range.lowerBound], sums[range.upperBound] - sums[best.cut])
    let gain = whole.bits - best.bits
    // All times N: the gain, the choice of the cut, and what the classes of both sides take to describe.
    let classes =
        whole.classCount * whole.entropy - left.classCount * left.entropy - right.classCount * right.entropy
    let cost = log2(whole.total - 1) + log2(pow(3, whole.classCount) - 2) - classes
    return gain > cost ? best.cut : nil
}

/// Weights of two classes.
private struct ClassWeights {
    var negative = 0.0
    var positive = 0.0

    init(_ negative: Double = 0, _ positive: Double = 0) { (self.negative, self.positive) = (negative, positive) }

    static func + (a: Self, b: Self) -> Self { Self(a.negative + b.negative, a.positive + b.positive) }
    static func - (a: Self, b: Self) -> Self { Self(a.negative - b.negative, a.positive - b.positive) }

    var total: Double { negative + positive }
    var classCount: Double { (negative > 0 ? 1 : 0) + (positive > 0 ? 1 : 0) }
    /// Bits an example, 0 to 1.
    var entropy: Double { total > 0 ? bits / total : 0 }
    /// Bits of all.
    var bits: Double {
        guard negative > 0, positive > 0 else { return 0 }
        return -negative * log2(negative / total) - positive * log2(positive / total)
    }
}
