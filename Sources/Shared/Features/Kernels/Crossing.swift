internal import Domain

/// The prime of Vowpal Wabbit's crosses: FNV's. Source: VW `constant.h`.
private let crossPrime: UInt32 = 16_777_619

/// Makes a line's crosses behind its own features. Keeps what it needs from line to line.
struct Crossing: Sendable {
    private var plan: CrossPlan
    /// Of the line that is read.
    private var segments: [CrossPlan.Segment] = []
    /// Its namespaces, where one of them stands in pieces, or part of them is a context's.
    private var gathered: [CrossPlan.Segment] = []
    /// What stands before every line: then only crosses with a feature of the line's own are made.
    var context: ContextFeatures?

    init(_ crosses: [Cross]) { plan = CrossPlan(crosses) }

    /// Room that a line needs behind its own features: its crosses, and the features of namespaces that it has in pieces.
    static let roomForLine = 2 * Limits.Features.perExampleMax + ExampleBatch.slack

    mutating func beginLine() {
        segments.removeAll(keepingCapacity: true)
        if let context { segments += context.segments }
    }

    /// The line's own namespaces and features, those from `first` to `end`.
    func features(_ columns: BatchColumns, _ first: Int, _ end: Int) -> ContextFeatures {
        ContextFeatures(
            indices: (first..<end).map { unsafe columns.indices[$0] },
            values: (first..<end).map { unsafe columns.values[$0] },
            featureCount: columns.featureCount - first,
            segments: segments.map { CrossPlan.Segment(byte: $0.byte, start: $0.start - first, end: $0.end - first) })
    }

    @inline(__always)
    mutating func append(_ byte: UInt8, _ features: Range<Int>) {
        if !features.isEmpty {
            segments.append(
                CrossPlan.Segment(byte: byte, start: features.lowerBound, end: features.upperBound))
        }
    }

    /// Adds the crosses of the line whose own features, hashed and masked, are those from `first` on.
    ///
    /// - Returns: why the line has none.
    mutating func addCrosses(from first: Int, mask: UInt32, into columns: inout BatchColumns) -> LineError.Reason? {
        plan.adapt(to: segments)
        guard plan.layout.isInOnePiece, context == nil else {
            gather(columns)
            return addCrosses(of: gathered, from: first, mask: mask, into: &columns)
        }
        return addCrosses(of: segments, from: first, mask: mask, into: &columns)
    }

    private func addCrosses(
        of spaces: [CrossPlan.Segment], from first: Int, mask: UInt32, into columns: inout BatchColumns
    ) -> LineError.Reason? {
        let own = columns.featureCount &- first &+ (context?.featureCount ?? 0)
        let count = plan.layout.featureCount(spaces)
        guard own &+ count <= Limits.Features.perExampleMax else { return .tooManyCrosses }
        let largest = max(columns.largestValue(first..<columns.featureCount), context?.largestValue ?? 0)
        if largest > 1 && isTooLarge(spaces, columns) {
            return .crossTooLarge
        }
        var at = columns.featureCount
        var term = 0
        for end in plan.layout.ends {
            let isPair = end &- term == 2
            let (a, b) = (plan.layout.places[term], plan.layout.places[term &+ 1])
            if isPair && a != b {
                at &+= crossPairs(columns, spaces[a], spaces[b], mask, at)
            } else {
                at &+= crossTerm(columns, plan.layout.places[term..<end], spaces, mask, at)
            }
            term = end
        }
        columns.featureCount = at
        return nil
    }

    /// Copies each namespace's features together, a context's before the line's own, behind the room for the crosses.
    private mutating func gather(_ columns: BatchColumns) {
        gathered.removeAll(keepingCapacity: true)
        var spare = columns.featureCount &+ Limits.Features.perExampleMax
        guard !plan.layout.isInOnePiece else {
            for place in segments.indices { gathered.append(copy([place], columns, &spare)) }
            return
        }
        var member = 0
        for end in plan.layout.memberEnds {
            gathered.append(copy(plan.layout.members[member..<end], columns, &spare))
            member = end
        }
    }

    /// Copies the features of some segments, which share a first byte, to `spare`.
    private func copy(_ places: some Collection<Int>, _ columns: BatchColumns, _ spare: inout Int) -> CrossPlan.Segment
    {
        var space = CrossPlan.Segment(byte: 0, start: spare, end: spare)
        for place in places {
            let segment = segments[place]
            space.byte = segment.byte
            let isContext = place < context?.segments.count ?? 0
            for feature in segment.start..<segment.end {
                unsafe columns.indices[spare] = isContext ? context!.indices[feature] : columns.indices[feature]
                unsafe columns.values[spare] = isContext ? context!.values[feature] : columns.values[feature]
                spare &+= 1
            }
            if isContext { space.ownStart = spare }
        }
        space.end = spare
        return space
    }

    private func isTooLarge(_ spaces: [CrossPlan.Segment], _ columns: BatchColumns) -> Bool {
        let largest = spaces.map { columns.largestValue($0.start..<$0.end) }
        return plan.layout.largestValue(largest) > Limits.Features.valueMagnitudeMax
    }
}

/// A context's own features, and its namespaces as ranges of them.
struct ContextFeatures: Sendable {
    var indices: [UInt32]
    var values: [Float]
    /// With the constant, which crosses do not see.
    var featureCount: Int
    var segments: [CrossPlan.Segment]

    var largestValue: Float { values.reduce(0) { max($0, $1.magnitude) } }
}

/// Every feature of one namespace with every one of another, the second's changing fastest; but none of two features of a context.
///
///     index = ((P · i1) xor i2), masked;  value = v1 · v2
///
/// Writes up to seven entries beyond the last, which is slack.
///
/// - Returns: how many there are.
@inline(__always)
private func crossPairs(
    _ columns: BatchColumns, _ first: CrossPlan.Segment, _ second: CrossPlan.Segment, _ mask: UInt32, _ target: Int
) -> Int {
    let mask = SIMD8<UInt32>(repeating: mask)
    var at = target
    for feature in first.start..<first.end {
        let start = feature < first.ownStart ? second.ownStart : second.start
        let count = second.end &- start
        let half = unsafe SIMD8<UInt32>(repeating: columns.indices[feature] &* crossPrime)
        let value = unsafe SIMD8<Float>(repeating: columns.values[feature])
        var k = 0
        while k < count {
            let indices = unsafe UnsafeRawPointer(columns.indices + (start &+ k)).loadUnaligned(
                as: SIMD8<UInt32>.self)
            let values = unsafe UnsafeRawPointer(columns.values + (start &+ k)).loadUnaligned(
                as: SIMD8<Float>.self)
            unsafe UnsafeMutableRawPointer(columns.indices + (at &+ k)).storeBytes(
                of: (half ^ indices) & mask, as: SIMD8<UInt32>.self)
            unsafe UnsafeMutableRawPointer(columns.values + (at &+ k)).storeBytes(
                of: value * values, as: SIMD8<Float>.self)
            k &+= 8
        }
        at &+= count
    }
    return at &- target
}

/// Every choice of one feature from each namespace of a term, the last one's changing fastest; of a namespace that comes several times
/// in a row no choice twice; none of a context's features alone.
///
///     index = (((P · i1) xor i2) · P) xor i3 …, masked;  value = v1 · v2 · v3 …
///
/// - Parameter places: the term's namespaces. 2 to 8.
/// - Returns: how many there are.
private func crossTerm(
    _ columns: BatchColumns, _ places: ArraySlice<Int>, _ spaces: [CrossPlan.Segment], _ mask: UInt32, _ target: Int
) -> Int {
    var at: InlineArray<8, Int> = InlineArray(repeating: 0)
    var hashes: InlineArray<8, UInt32> = InlineArray(repeating: 0)
    var products: InlineArray<8, Float> = InlineArray(repeating: 1)
    // Whether a choice up to some depth has a feature of the line's own.
    var isOwn: InlineArray<8, Bool> = InlineArray(repeating: false)
    let first = places.startIndex
    let last = places.count - 1
    var depth = 0
    var count = 0
    at[0] = spaces[places[first]].start
    while depth >= 0 {
        let place = places[first + depth]
        let end = spaces[place].end
        let (half, product) = depth == 0 ? (0, 1) : (hashes[depth - 1] &* crossPrime, products[depth - 1])
        let wasOwn = depth > 0 && isOwn[depth - 1]
        if depth < last && at[depth] < end {
            isOwn[depth] = wasOwn || at[depth] >= spaces[place].ownStart
            hashes[depth] = unsafe half ^ columns.indices[at[depth]]
            products[depth] = unsafe product * columns.values[at[depth]]
            let next = places[first + depth + 1]
            at[depth + 1] = next == place ? at[depth] : spaces[next].start
            depth += 1
            continue
        }
        if depth == last {
            let start = wasOwn ? at[depth] : max(at[depth], spaces[place].ownStart)
            for feature in start..<end {
                unsafe columns.indices[target + count] = (half ^ columns.indices[feature]) & mask
                unsafe columns.values[target + count] = product * columns.values[feature]
                count &+= 1
            }
        }
        depth -= 1
        if depth >= 0 { at[depth] += 1 }
    }
    return count
}
