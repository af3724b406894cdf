internal import Domain

/// Reads a model that LightGBM saved as text: numeric splits. A leaf keeps its number, which is what `pred_leaf` gives.
///
/// LightGBM goes left where x ≤ threshold, in double; of Floats those are the ones below the next Float above the threshold.
/// - Source: microsoft/LightGBM, `src/io/tree.cpp`, `include/LightGBM/tree.h`.
func importLightGBM(_ text: String) throws(TransformError) -> ImportedTrees {
    var names: [String] = []
    var trees: [Tree] = []
    var fields: [Substring: Substring] = [:]
    var version: Substring?
    var isInTree = false
    func finishTree() throws(TransformError) {
        if isInTree { trees.append(try LightGBMTree(fields, "tree \(trees.count)").tree()) }
        fields.removeAll()
    }
    for line in text.split(whereSeparator: \.isNewline) {
        if line == "end of trees" { break }
        guard let equals = line.firstIndex(of: "=") else { continue }
        let (key, value) = (line[..<equals], line[equals...].dropFirst())
        switch key {
        case "version": version = value
        case "feature_names": names = value.split(separator: " ").map(String.init)
        case "Tree":
            try finishTree()
            isInTree = true
        default: fields[key] = value
        }
    }
    guard let version, knownVersions.contains(version) else {
        throw .init(
            "the model's format is '\(version ?? "not told")'; this release reads LightGBM's \(knownVersions.joined(separator: " and "))"
        )
    }
    guard text.contains("end of trees") else { throw .init("the model ends before 'end of trees'") }
    try finishTree()
    return ImportedTrees(inputNames: names, trees: trees)
}
private let knownVersions: [Substring] = ["v3", "v4"]

private struct LightGBMTree {
    let place: String
    let leafCount: Int
    let features: [Int]
    let thresholds: [Double]
    let decisions: [Int]
    let left: [Int]
    let right: [Int]

    init(_ fields: [Substring: Substring], _ place: String) throws(TransformError) {
        self.place = place
        func numbers<N: LosslessStringConvertible>(_ key: Substring) throws(TransformError) -> [N] {
            var numbers: [N] = []
            for text in (fields[key] ?? "").split(separator: " ") {
                guard let number = N(String(text)) else { throw .init("\(place), \(key): '\(text)' is not a number") }
                numbers.append(number)
            }
            return numbers
        }
        guard let count = fields["num_leaves"].flatMap({ Int($0) }), count > 0 else {
            throw .init("\(place) does not say how many leaves it has")
        }
        guard try (numbers("num_cat") as [Int]).allSatisfy({ $0 == 0 }) else {
            throw .init("\(place) has a categorical split; only numbers are compared here")
        }
        leafCount = count
        features = try numbers("split_feature")
        thresholds = try numbers("threshold")
        decisions = try numbers("decision_type")
        guard !thresholds.contains(where: \.isNaN) else { throw .init("\(place): a threshold is NaN") }
        left = try numbers("left_child")
        right = try numbers("right_child")
        let counts = [features.count, thresholds.count, decisions.count, left.count, right.count]
        guard counts.allSatisfy({ $0 == count - 1 }) else { throw .init("\(place): its arrays differ in length") }
    }

    func tree() throws(TransformError) -> Tree {
        let arrays = ChildArrays { number in
            guard features.indices.contains(number), features[number] >= 0 else { return nil }
            let (below, above) = (child(left[number]), child(right[number]))
            // Every number goes left, infinity too: so none is below −∞, with the children changed over.
            guard thresholds[number] < .infinity else {
                return (node(number, edge: -.infinity, isTurned: true), above, below)
            }
            return (node(number, edge: edge(thresholds[number]), isTurned: false), below, above)
        }
        return try arrays.tree(from: leafCount == 1 ? .leaf(0) : .split(0), place: place)
    }

    private func child(_ number: Int) -> ChildArrays.Child {
        number < 0 ? .leaf(Int32(truncatingIfNeeded: ~number)) : .split(number)
    }

    /// What a number must be below to go left.
    private func edge(_ threshold: Double) -> Float {
        // Numbers so near 0 are 0 before they are compared.
        let zero: Float = 1e-35
        if abs(threshold) <= Double(zero) && threshold < Double(zero) {
            return threshold < 0 ? -zero : zero.nextUp
        }
        let last = Float(threshold)
        return Double(last) > threshold ? last : last.nextUp
    }

    private func node(_ number: Int, edge: Float, isTurned: Bool) -> Tree.Node {
        // Bits 2 and 3 say what is missing: nothing (then NaN is compared as 0), zeros and NaN, or NaN.
        let kind = (decisions[number] >> 2) & 3
        let isLeft = kind == 0 ? 0 <= thresholds[number] : decisions[number] & 2 != 0
        return .split(
            input: features[number], edge: edge, missing: isLeft != isTurned ? .left : .right, zeroIsMissing: kind == 1,
            right: 0)
    }
}
