internal import Domain

/// A spec's crosses as they apply to the namespaces that an example has.
///
/// - Source: VW `interactions.cc`, `interactions_predict.h`: of two terms with the same namespaces the first counts; one that has a
///   namespace twice beside another is sorted, so that features of one namespace meet in order.
struct CrossPlan: Sendable {
    private let crosses: [Cross]
    /// The namespaces that `terms` are of: most examples have those of the one before.
    private var namespaces: [UInt8] = []
    /// Terms one after the other, each namespace by its place in `namespaces`; `ends` says where each ends.
    private(set) var places: [UInt8] = []
    private(set) var ends: [Int] = []

    init(_ crosses: [Cross]) { self.crosses = crosses }

    /// Makes `places` those of the terms whose namespaces are all there.
    ///
    /// - Parameter namespaces: first bytes, rising.
    mutating func adapt(to namespaces: [UInt8]) {
        guard namespaces != self.namespaces else { return }
        self.namespaces = namespaces
        (places, ends) = ([], [])
        var seen: Set<[UInt8]> = []
        for cross in crosses {
            for term in expand(cross.namespaces[...]) {
                let sorted = term.sorted()
                guard seen.insert(sorted).inserted else { continue }
                let distinctCount = Set(term).count
                let ordered = distinctCount < term.count && distinctCount > 1 ? sorted : term
                let found = ordered.compactMap { namespaces.firstIndex(of: $0) }
                guard found.count == term.count else { continue }
                places += found.map { UInt8($0) }
                ends.append(places.count)
            }
        }
    }

    /// Terms with every colon replaced; of several colons each takes a namespace not before the one of the colon before.
    private func expand(_ rest: ArraySlice<UInt8>, from first: Int = 0) -> [[UInt8]] {
        guard let byte = rest.first else { return [[]] }
        let behind = rest.dropFirst()
        guard byte == Cross.any else { return expand(behind, from: first).map { [byte] + $0 } }
        return namespaces.indices.dropFirst(first).flatMap { place in
            expand(behind, from: place).map { [namespaces[place]] + $0 }
        }
    }

    /// How many features the terms make.
    ///
    /// - Parameter counts: features of each namespace.
    func featureCount(_ counts: [Int]) -> Int {
        var total = 0
        var start = 0
        for end in ends {
            var product = 1
            var k = start
            while k < end {
                var runEnd = k + 1
                while runEnd < end && places[runEnd] == places[k] { runEnd += 1 }
                product *= multisets(of: counts[Int(places[k])], runEnd - k)
                // Far above any limit already.
                if product > 1 << 32 { return product }
                k = runEnd
            }
            total += product
            start = end
        }
        return total
    }

    /// The largest magnitude that a crossed value can have.
    ///
    /// - Parameter largest: of each namespace's values.
    func largestValue(_ largest: [Float]) -> Float {
        var most: Float = 0
        var start = 0
        for end in ends {
            most = max(most, places[start..<end].reduce(1) { $0 * largest[Int($1)] })
            start = end
        }
        return most
    }

    /// Ways to take `size` of `count` things, each as often as one likes.
    private func multisets(of count: Int, _ size: Int) -> Int {
        (0..<size).reduce(1) { ways, k in ways * (count + k) / (k + 1) }
    }
}
