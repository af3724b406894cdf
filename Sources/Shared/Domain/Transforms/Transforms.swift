/// What a spec makes of numbers before features are hashed: bins in their place, and leaves of trees beside them.
///
/// Never changes once it is made, so that its hash is taken once.
package struct Transforms: Equatable, Sendable {
    /// Of each feature that has bins, in the order of their names.
    package let bins: [Bins]
    package let forests: [Forest]
    /// Of every name, edge and node: exact bits.
    package let hash: UInt64

    package static let none = Transforms(checked: [], [])

    /// - Throws: a sentence that says what two parts of it have in common.
    package init(bins: [Bins], forests: [Forest]) throws(TransformError) {
        let sorted = bins.sorted { $0.feature < $1.feature }
        for (a, b) in zip(sorted, sorted.dropFirst()) where a.feature == b.feature {
            throw .init("'\(a.feature)' has bins twice")
        }
        let treeCount = forests.reduce(0) { $0 + $1.trees.count }
        guard bins.count + treeCount <= Limits.Transforms.addedCountMax else {
            throw .init(
                "\(bins.count) features with bins and \(treeCount) trees; "
                    + "together at most \(Limits.Transforms.addedCountMax), as an example may have a feature of each")
        }
        for (k, forest) in forests.enumerated()
        where forests[..<k].contains(where: { $0.namespace == forest.namespace }) {
            throw .init("two lists of trees have the namespace '\(forest.namespace)'")
        }
        self.init(checked: sorted, forests)
    }

    private init(checked bins: [Bins], _ forests: [Forest]) {
        self.bins = bins
        self.forests = forests
        var hash = ContentHash()
        for feature in bins {
            hash.add(feature.feature.text)
            hash.add(UInt64(feature.edges.count))
            for edge in feature.edges { hash.add(UInt64(edge.bitPattern)) }
        }
        for forest in forests {
            hash.add(forest.namespace)
            hash.add(UInt64(forest.inputs.count))
            for input in forest.inputs { hash.add(input.text) }
            for tree in forest.trees { hash.add(tree.text) }
        }
        self.hash = hash.value
    }

    /// Two names that differ in the zeros before a number alone.
    package var namesOfOneNumber: (FeatureName, FeatureName)? {
        var seen: [String: FeatureName] = [:]
        for name in bins.map(\.feature) + forests.flatMap(\.inputs)
        where name.name.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            let number = name.sibling(String(name.name.drop { $0 == "0" }))
            if let other = seen.updateValue(name, forKey: number), other != name { return (other, name) }
        }
        return nil
    }

    package var isEmpty: Bool { bins.isEmpty && forests.isEmpty }

    package static func == (a: Self, b: Self) -> Bool {
        a.hash == b.hash && a.bins == b.bins && a.forests == b.forests
    }
}

/// Why transforms are none, in a sentence.
package struct TransformError: Error, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A feature by the name that trainers give it, as Vowpal Wabbit's audit writes it: `namespace^name`.
package struct FeatureName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Empty for the namespace without a name.
    package let namespace: String
    package let name: String

    /// The first `^` ends the namespace. Nil where the name is empty or either has a character that ends it in a line of text.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        let mark = bytes.firstIndex(of: UInt8(ascii: "^"))
        let ends: [UInt8] = [0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ":"), UInt8(ascii: "|")]
        guard !bytes.contains(where: ends.contains) else { return nil }
        namespace = String(decoding: bytes[..<(mark ?? 0)], as: UTF8.self)
        name = String(decoding: bytes[(mark.map { $0 + 1 } ?? 0)...], as: UTF8.self)
        guard !name.isEmpty else { return nil }
    }

    package var text: String {
        namespace.isEmpty && !name.utf8.contains(UInt8(ascii: "^")) ? name : "\(namespace)^\(name)"
    }
    package var description: String { text }

    /// The text of another name in the same namespace, as `text` has it.
    package func sibling(_ name: String) -> String { namespace.isEmpty ? name : "\(namespace)^\(name)" }

    /// By bytes, so that no table of characters decides.
    package static func < (a: Self, b: Self) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }
}
