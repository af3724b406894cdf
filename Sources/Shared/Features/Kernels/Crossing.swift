internal import Domain

/// The prime of Vowpal Wabbit's crosses: FNV's. Source: VW `constant.h`.
private let crossPrime: UInt32 = 16_777_619

/// Makes a line's crosses behind its own features. Keeps what it needs from line to line.
struct Crossing: Sendable {
    private var plan: CrossPlan
    /// Of the line that is read.
    private var segments: [CrossPlan.Segment] = []
    /// Its namespaces, where one of them stands in pieces.
    private var gathered: [CrossPlan.Segment] = []

    init(_ crosses: [Cross]) { plan = CrossPlan(crosses) }

    /// Room that a line needs behind its own features: its crosses, and the features of namespaces that it has in pieces.
    static let roomForLine = 2 * Limits.Features.perExampleMax + ExampleBatch.slack

    mutating func beginLine() { segments.removeAll(keepingCapacity: true) }

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
        guard plan.layout.isInOnePiece else {
            gather(columns)
            return addCrosses(of: gathered, from: first, mask: mask, into: &columns)
        }
        return addCrosses(of: segments, from: first, mask: mask, into: &columns)
    }

    private func addCrosses(
        of spaces: [CrossPlan.Segment], from first: Int, mask: UInt32, into columns: inout BatchColumns
    ) -> LineError.Reason? {
        let own = columns.featureCount &- first
        let count = plan.layout.featureCount(spaces)
        guard own &+ count <= Limits.Features.perExampleMax else { return .tooManyCrosses }
        if columns.largestValue(first..<columns.featureCount) > 1 && isTooLarge(spaces, columns) {
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

    /// Copies each namespace's features together, behind the room for the crosses.
    private mutating func gather(_ columns: BatchColumns) {
        gathered.removeAll(keepingCapacity: true)
        var spare = columns.featureCount &+ Limits.Features.perExampleMax
        var member = 0
        for end in plan.layout.memberEnds {
            let start = spare
            for k in member..<end {
                let segment = segments[plan.layout.members[k]]
                for feature in segment.start..<segment.end {
                    unsafe columns.indices[spare] = columns.indices[feature]
                    unsafe columns.values[spare] = columns.values[feature]
                    spare &+= 1
                }
            }
            gathered.append(
                CrossPlan.Segment(byte: segments[plan.layout.members[member]].byte, start: start, end: spare))
            member = end
        }
    }

    private func isTooLarge(_ spaces: [CrossPlan.Segment], _ columns: BatchColumns) -> Bool {
        let largest = spaces.map { columns.largestValue($0.start..<$0.end) }
        return plan.layout.largestValue(largest) > Limits.Features.valueMagnitudeMax
    }
}

/// Every feature of one namespace with every one of another, the second's changing fastest.
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
    let secondCount = second.end &- second.start
    var at = target
    for feature in first.start..<first.end {
        let half = unsafe SIMD8<UInt32>(repeating: columns.indices[feature] &* crossPrime)
        let value = unsafe SIMD8<Float>(repeating: columns.values[feature])
        var k = 0
        while k < secondCount {
            let indices = unsafe UnsafeRawPointer(columns.indices + (second.start &+ k)).loadUnaligned(
                as: SIMD8<UInt32>.self)
            let values = unsafe UnsafeRawPointer(columns.values + (second.start &+ k)).loadUnaligned(
                as: SIMD8<Float>.self)
            unsafe UnsafeMutableRawPointer(columns.indices + (at &+ k)).storeBytes(
                of: (half ^ indices) & mask, as: SIMD8<UInt32>.self)
            unsafe UnsafeMutableRawPointer(columns.values + (at &+ k)).storeBytes(
                of: value * values, as: SIMD8<Float>.self)
            k &+= 8
        }
        at &+= secondCount
    }
    return at &- target
}

/// Every choice of one feature from each namespace of a term, the last one's changing fastest; of a namespace that comes several times
/// in a row no choice twice.
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
    let first = places.startIndex
    let last = places.count - 1
    var depth = 0
    var count = 0
    at[0] = spaces[places[first]].start
    while depth >= 0 {
        let place = places[first + depth]
        let end = spaces[place].end
        let (half, product) = depth == 0 ? (0, 1) : (hashes[depth - 1] &* crossPrime, products[depth - 1])
        if depth < last && at[depth] < end {
            hashes[depth] = unsafe half ^ columns.indices[at[depth]]
            products[depth] = unsafe product * columns.values[at[depth]]
            let next = places[first + depth + 1]
            at[depth + 1] = next == place ? at[depth] : spaces[next].start
            depth += 1
            continue
        }
        if depth == last {
            for feature in at[depth]..<end {
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
