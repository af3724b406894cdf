package import Domain

/// Trees of another program's model, with the names it gives their inputs.
package struct ImportedTrees: Sendable {
    package var inputNames: [String]
    package var trees: [Tree]

    /// Reads a model by what it looks like: XGBoost's JSON begins with a brace, LightGBM's text with `tree`.
    package init(_ text: String) throws(TransformError) {
        let start = text.drop { $0.isWhitespace }
        if start.first == "{" {
            self = try importXGBoost(text)
        } else if start.hasPrefix("tree") {
            self = try importLightGBM(text)
        } else {
            throw .init("this is neither a JSON model of XGBoost nor a text model of LightGBM")
        }
    }

    init(inputNames: [String], trees: [Tree]) {
        self.inputNames = inputNames
        self.trees = trees
    }
}

/// A tree as arrays of children, before its nodes are put in the order of a spec.
struct ChildArrays {
    /// A split's number to its node, with `right` still 0; nil for one that is none.
    var split: (Int) -> (node: Tree.Node, left: Child, right: Child)?
    enum Child {
        case split(Int)
        case leaf(Int32)
    }

    /// The nodes with left children first.
    ///
    /// - Parameter place: of the tree, for errors.
    func tree(from root: Child, place: String) throws(TransformError) -> Tree {
        var nodes: [Tree.Node] = []
        // Right children that wait, with the node that they are children of.
        var waiting: [(child: Child, parent: Int?, depth: Int)] = [(root, nil, 0)]
        while let (child, parent, depth) = waiting.popLast() {
            guard nodes.count < Limits.Transforms.nodeCountMax, depth <= Limits.Transforms.depthMax else {
                throw .init(
                    "\(place) is larger than \(Limits.Transforms.nodeCountMax) nodes or deeper than "
                        + "\(Limits.Transforms.depthMax) splits, or goes in a circle")
            }
            if let parent, case .split(let input, let edge, let missing, let zero, _) = nodes[parent] {
                nodes[parent] = .split(
                    input: input, edge: edge, missing: missing, zeroIsMissing: zero, right: nodes.count)
            }
            switch child {
            case .leaf(let id): nodes.append(.leaf(id))
            case .split(let number):
                guard let (node, left, right) = split(number) else {
                    throw .init("\(place), node \(number): the arrays do not have this node")
                }
                waiting.append((right, nodes.count, depth + 1))
                waiting.append((left, nil, depth + 1))
                nodes.append(node)
            }
        }
        return Tree(nodes: nodes)
    }
}
