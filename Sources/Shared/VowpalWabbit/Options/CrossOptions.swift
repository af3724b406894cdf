/// Which namespaces are crossed, by the first byte of their names.
///
/// - Source: Vowpal Wabbit's `interactions.cc`, `generate_interactions.cc`: order of terms, what counts as the same,
///   what is sorted.
package struct CrossOptions: Sendable {
    /// Stands for every namespace of a line.
    static let any = UInt8(ascii: ":")

    /// As given, for the header.
    package let quadratic: [String]
    package let cubic: [String]
    package let others: [String]
    package let leavesDuplicates: Bool
    /// In the order they are made.
    package let terms: [[UInt8]]
    package var hasWildcards: Bool { terms.contains { $0.contains(Self.any) } }
    package var isEmpty: Bool { terms.isEmpty }
    /// Terms that were left out as another has the same namespaces, and terms whose namespaces were sorted.
    package let removedCount: Int
    package let sortedCount: Int

    package init() {
        (quadratic, cubic, others, leavesDuplicates) = ([], [], [], false)
        (terms, removedCount, sortedCount) = ([], 0, 0)
    }

    package init(quadratic: [String], cubic: [String], any others: [String], leavesDuplicates: Bool) throws(VWError) {
        (self.quadratic, self.cubic, self.others) = (quadratic, cubic, others)
        self.leavesDuplicates = leavesDuplicates
        var given: [[UInt8]] = []
        for (texts, name, size) in [(quadratic, "quadratic", 2), (cubic, "cubic", 3)] {
            for text in texts {
                guard text.utf8.count == size else { throw .usage("--\(name) wants \(size) namespaces, not '\(text)'") }
                given.append(Array(text.utf8))
            }
        }
        for text in others {
            guard text.utf8.count >= 2 else {
                throw .usage("Feature interactions must involve at least two namespaces.")
            }
            given.append(Array(text.utf8))
        }
        (terms, removedCount, sortedCount) = Self.filtered(given.sorted(by: Self.isBefore), leavesDuplicates)
    }

    /// The terms of a line with these namespaces, as places in them.
    func terms(of namespaces: [UInt8]) -> [[Int]] {
        var found = terms.filter { !$0.contains(Self.any) }
        // Names that cannot be printed take no part in what is crossed with all.
        let printable = Set(namespaces.filter { (0x20...0x7E).contains($0) }).sorted()
        for term in terms where term.contains(Self.any) { found += expanded(term, printable) }
        if hasWildcards { (found, _, _) = Self.filtered(found.sorted(by: Self.isBefore), leavesDuplicates) }
        return found.compactMap { term in
            let places = term.compactMap { namespaces.firstIndex(of: $0) }
            return places.count == term.count ? places : nil
        }
    }

    private func expanded(_ term: [UInt8], _ namespaces: [UInt8]) -> [[UInt8]] {
        let wildcards = term.count { $0 == Self.any }
        var fillings: [[UInt8]] = []
        if wildcards == 2 {
            for (k, first) in namespaces.enumerated() {
                fillings.append([first, first])
                for second in namespaces[k...].dropFirst() {
                    fillings.append([first, second])
                    if leavesDuplicates { fillings.append([second, first]) }
                }
            }
        } else {
            fillings = Self.choices(namespaces[...], wildcards)
        }
        return fillings.map { filling in
            var rest = filling[...]
            return term.map { $0 == Self.any ? rest.removeFirst() : $0 }
        }
    }

    private static func choices(_ namespaces: ArraySlice<UInt8>, _ count: Int) -> [[UInt8]] {
        guard count > 0 else { return [[]] }
        return namespaces.indices.flatMap { k in choices(namespaces[k...], count - 1).map { [namespaces[k]] + $0 } }
    }

    private static func isBefore(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        a.count != b.count ? a.count < b.count : a.lexicographicallyPrecedes(b)
    }

    /// Of terms with the same namespaces the first; one that has a namespace twice beside another sorted.
    private static func filtered(_ terms: [[UInt8]], _ leavesDuplicates: Bool) -> ([[UInt8]], removed: Int, sorted: Int)
    {
        var seen: Set<[UInt8]> = []
        var (kept, sorted): ([[UInt8]], Int) = ([], 0)
        for term in terms {
            guard leavesDuplicates || seen.insert(term.sorted()).inserted else { continue }
            let distinct = Set(term).count
            let mustSort = distinct > 1 && distinct < term.count
            if mustSort && term != term.sorted() { sorted += 1 }
            kept.append(mustSort ? term.sorted() : term)
        }
        return (kept, terms.count - kept.count, sorted)
    }
}
