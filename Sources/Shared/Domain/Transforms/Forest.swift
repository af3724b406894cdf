/// Decision trees over numbers: the leaf that an example falls into becomes a feature, one for each tree.
///
/// - Source: He et al. 2014, "Practical Lessons from Predicting Clicks on Ads at Facebook", section 3.1.
package struct Forest: Equatable, Sendable {
    /// Of the features that stand for leaves.
    package let namespace: String
    /// The features that splits compare. An example without one of them, or with NaN, lacks it.
    package let inputs: [FeatureName]
    package let trees: [Tree]

    package init(namespace: String, inputs: [FeatureName], trees: [Tree]) throws(TransformError) {
        guard FeatureName("\(namespace)^a") != nil, !namespace.isEmpty, !namespace.contains("^") else {
            throw .init("'\(namespace)' is no namespace; write a name without spaces, ':', '|' and '^'")
        }
        guard inputs.count <= Limits.Transforms.inputCountMax else {
            throw .init("\(inputs.count) inputs of trees; at most \(Limits.Transforms.inputCountMax) are taken")
        }
        guard Set(inputs).count == inputs.count else { throw .init("the trees of '\(namespace)' name an input twice") }
        for (number, tree) in trees.enumerated() {
            for case .split(let input, _, _, _, _) in tree.nodes where input >= inputs.count {
                throw .init("tree \(number) of '\(namespace)' compares input \(input), but there are \(inputs.count)")
            }
        }
        self.namespace = namespace
        self.inputs = inputs
        self.trees = trees
    }

    /// The name of the feature that stands for a tree's leaf.
    package static func name(ofTree number: Int, leaf: Int32) -> String { "\(number)=\(leaf)" }
}

/// One tree. Its nodes stand in the order of a walk that goes left first; a left child follows its parent.
package struct Tree: Equatable, Sendable {
    package enum Node: Equatable, Sendable {
        /// Left where x < edge, right otherwise; what is missing goes where `missing` says.
        ///
        /// - Parameters:
        ///   - zeroIsMissing: x = 0 counts as missing, as LightGBM's `zero_as_missing` has it.
        ///   - right: the place of the right child.
        case split(input: Int, edge: Float, missing: Side, zeroIsMissing: Bool, right: Int)
        /// The number that whoever made the tree gave the leaf.
        case leaf(Int32)
    }
    package enum Side: Sendable { case left, right }

    package let nodes: [Node]

    /// A tree whose right children are already in place.
    package init(nodes: [Node]) { self.nodes = nodes }

    /// As a spec has it: for each node, left before right, `input<edge,side` or `=leaf`; a side is `l` or `r`, in capitals where 0 is
    /// missing, too.
    package var text: String {
        nodes.map { node in
            switch node {
            case .leaf(let id): "=\(id)"
            case .split(let input, let edge, let missing, let zero, _):
                "\(input)<\(edge.hexText),\(missing == .left ? (zero ? "L" : "l") : (zero ? "R" : "r"))"
            }
        }.joined(separator: " ")
    }

    /// Reads what `text` writes.
    package init(text: String) throws(TransformError) {
        var nodes: [Node] = []
        // Places of splits whose left side is done or under way, and whether it is done.
        var open: [(place: Int, isRight: Bool)] = []
        for token in text.utf8.split(separator: UInt8(ascii: " ")) {
            guard nodes.isEmpty || !open.isEmpty else { throw .init("a tree goes on behind its last leaf") }
            guard nodes.count < Limits.Transforms.nodeCountMax else {
                throw .init("a tree has more than \(Limits.Transforms.nodeCountMax) nodes")
            }
            let word = String(decoding: token, as: UTF8.self)
            if let last = open.last, last.isRight, case .split(let i, let e, let m, let z, 0) = nodes[last.place] {
                nodes[last.place] = .split(input: i, edge: e, missing: m, zeroIsMissing: z, right: nodes.count)
            }
            let node = try Node(word)
            nodes.append(node)
            if case .split = node {
                guard open.count < Limits.Transforms.depthMax else {
                    throw .init("a tree is deeper than \(Limits.Transforms.depthMax)")
                }
                open.append((nodes.count - 1, false))
            } else {
                while let last = open.last, last.isRight { open.removeLast() }
                if let last = open.indices.last { open[last].isRight = true }
            }
        }
        guard !nodes.isEmpty, open.isEmpty else { throw .init("a tree ends before its last leaf") }
        self.nodes = nodes
    }
}

extension Tree.Node {
    /// A split's right child is not known yet: 0.
    fileprivate init(_ word: String) throws(TransformError) {
        let wrong = TransformError("'\(word)' is no node of a tree; a split is input<edge,l and a leaf =number")
        if word.utf8.first == UInt8(ascii: "=") {
            guard let id = Int32(word.dropFirst()), id >= 0 else { throw wrong }
            self = .leaf(id)
            return
        }
        guard let less = word.firstIndex(of: "<"), let comma = word.lastIndex(of: ","), less < comma,
            let input = Int(word[..<less]), (0..<Limits.Transforms.inputCountMax).contains(input),
            let edge = Float(word[word.index(after: less)..<comma]), !edge.isNaN
        else { throw wrong }
        let (missing, zero): (Tree.Side, Bool)
        switch word[word.index(after: comma)...] {
        case "l": (missing, zero) = (.left, false)
        case "r": (missing, zero) = (.right, false)
        case "L": (missing, zero) = (.left, true)
        case "R": (missing, zero) = (.right, true)
        default: throw wrong
        }
        self = .split(input: input, edge: edge, missing: missing, zeroIsMissing: zero, right: 0)
    }
}
