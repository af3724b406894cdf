internal import Domain

/// A spec's crosses as they apply to a line with certain namespaces.
///
/// - Source: VW `interactions.cc`, `interactions_predict.h`: of two terms with the same namespaces the first counts; one that has a
///   namespace twice beside another is sorted, so that features of one namespace meet in order.
struct CrossPlan: Sendable {
    /// Features of one namespace where it stands in a line: the first byte of its name, a space where it has none.
    struct Segment: Sendable {
        var byte: UInt8
        var start: Int
        var end: Int
        /// Where the line's own features begin: those before are a context's, whose crosses with each other are made already.
        var ownStart: Int

        init(byte: UInt8, start: Int, end: Int, ownStart: Int? = nil) {
            (self.byte, self.start, self.end, self.ownStart) = (byte, start, end, ownStart ?? start)
        }
    }

    /// What the crosses come to for lines whose segments begin with certain bytes.
    struct Layout: Sendable {
        fileprivate var bytes: [UInt8] = []
        /// Whether each namespace stands in one piece: then `places` are segments.
        fileprivate(set) var isInOnePiece = true
        /// Segments that share a first byte are one namespace: its segments are `members[memberEnds[g - 1] ..< memberEnds[g]]`.
        fileprivate(set) var members: [Int] = []
        fileprivate(set) var memberEnds: [Int] = []
        /// Terms one after the other, as namespaces in the order of `memberEnds`, or as segments; `ends` says where each ends.
        fileprivate(set) var places: [Int] = []
        fileprivate(set) var ends: [Int] = []
        /// More terms than an example may have features: there are none then.
        fileprivate(set) var isTooMany = false
    }

    private let crosses: [Cross]
    /// Of the line before; most have the same.
    private(set) var layout = Layout()
    private var known: [[UInt8]: Layout] = [:]

    init(_ crosses: [Cross]) { self.crosses = crosses }

    /// Makes `layout` that of a line's segments.
    mutating func adapt(to segments: [Segment]) {
        var isSame = segments.count == layout.bytes.count
        if isSame { for k in segments.indices where layout.bytes[k] != segments[k].byte { isSame = false } }
        guard !isSame else { return }
        let bytes = segments.map(\.byte)
        if let layout = known[bytes] {
            self.layout = layout
            return
        }
        layout = makeLayout(bytes)
        if known.count >= Self.knownCountMax { known.removeAll() }
        known[bytes] = layout
    }
    private static let knownCountMax = 256

    private func makeLayout(_ bytes: [UInt8]) -> Layout {
        var layout = Layout(bytes: bytes)
        let namespaces = Set(bytes).sorted()
        for byte in namespaces {
            layout.members += bytes.indices.filter { bytes[$0] == byte }
            layout.memberEnds.append(layout.members.count)
        }
        layout.isInOnePiece = namespaces.count == bytes.count
        var seen: Set<[UInt8]> = []
        for cross in crosses {
            guard let terms = expand(cross.namespaces[...], namespaces) else {
                layout.isTooMany = true
                return layout
            }
            for term in terms {
                let sorted = term.sorted()
                guard seen.insert(sorted).inserted else { continue }
                let distinctCount = Set(term).count
                let ordered = distinctCount < term.count && distinctCount > 1 ? sorted : term
                let found = ordered.compactMap { (layout.isInOnePiece ? bytes : namespaces).firstIndex(of: $0) }
                guard found.count == term.count else { continue }
                layout.places += found
                layout.ends.append(layout.places.count)
            }
        }
        return layout
    }

    /// Terms with every colon replaced; of several colons each takes a namespace not before the one of the colon before. Nil for
    /// more than an example may have features.
    private func expand(_ rest: ArraySlice<UInt8>, _ namespaces: [UInt8], from first: Int = 0) -> [[UInt8]]? {
        guard let byte = rest.first else { return [[]] }
        let behind = rest.dropFirst()
        guard byte == Cross.any else { return expand(behind, namespaces, from: first)?.map { [byte] + $0 } }
        var terms: [[UInt8]] = []
        for place in namespaces.indices.dropFirst(first) {
            guard let more = expand(behind, namespaces, from: place) else { return nil }
            terms += more.map { [namespaces[place]] + $0 }
            guard terms.count <= Limits.Features.perExampleMax else { return nil }
        }
        return terms
    }
}

extension CrossPlan.Layout {
    /// How many features the terms make.
    ///
    /// - Parameter spaces: the features of each namespace.
    func featureCount(_ spaces: [CrossPlan.Segment]) -> Int {
        guard !isTooMany else { return .max / 2 }
        var total = 0
        var start = 0
        for end in ends {
            var product = 1
            var k = start
            while k < end {
                var runEnd = k + 1
                while runEnd < end && places[runEnd] == places[k] { runEnd += 1 }
                let count = spaces[places[k]].end &- spaces[places[k]].start
                product *= runEnd == k + 1 ? count : multisets(of: count, runEnd - k)
                // Far above any limit already.
                if product > 1 << 32 { return product }
                k = runEnd
            }
            total += product
            start = end
        }
        return total
    }

    /// Ways to take `size` of `count` things, each as often as one likes.
    private func multisets(of count: Int, _ size: Int) -> Int {
        (0..<size).reduce(1) { ways, k in ways * (count + k) / (k + 1) }
    }

    /// The largest magnitude that a crossed value can have.
    ///
    /// - Parameter largest: of each namespace's values.
    func largestValue(_ largest: [Float]) -> Float {
        var most: Float = 0
        var start = 0
        for end in ends {
            most = max(most, places[start..<end].reduce(1) { $0 * largest[$1] })
            start = end
        }
        return most
    }
}
