internal import CKernels

/// Examples as runs of index/value pairs, wherever their bytes are; nothing needs to be aligned.
///
/// Safe because it lives only inside `withUnsafeBytes` of what it points to, and its makers checked that offsets start
/// at 0, rise, and end at `featureCount`, and that every index is below the table's count.
@safe
struct ScoringColumns {
    /// Shape [E + 1], 4 bytes each.
    let offsets: UnsafeRawPointer
    /// Shape [features], 4 bytes each.
    let indices: UnsafeRawPointer
    /// Shape [features], 4 bytes each, or nil where every value is 1.
    let values: UnsafeRawPointer?
    let featureCount: Int

    @inline(__always)
    func offset(_ e: Int) -> Int { unsafe Int(offsets.loadUnaligned(fromByteOffset: 4 &* e, as: UInt32.self)) }

    @inline(__always)
    func offsets8(_ e: Int) -> SIMD8<UInt32> {
        unsafe offsets.loadUnaligned(fromByteOffset: 4 &* e, as: SIMD8<UInt32>.self)
    }

    /// The most features of one of the first `count` examples; more than any has where an offset is below the one before.
    func largestStep(_ count: Int) -> UInt {
        var largest: UInt = 0
        for e in 0..<count { largest = max(largest, UInt(bitPattern: offset(e &+ 1) &- offset(e))) }
        return largest
    }

    /// Features at ..< at + 8; behind the last of all come ones with the index `padding` and the value 1.
    @inline(__always)
    func eight(_ at: Int, padding: UInt32) -> (indices: SIMD8<UInt32>, values: SIMD8<Float>) {
        var index = SIMD8<UInt32>(repeating: padding)
        var value = SIMD8<Float>(repeating: 1)
        if at &+ 8 <= featureCount {
            index = unsafe indices.loadUnaligned(fromByteOffset: 4 &* at, as: SIMD8<UInt32>.self)
            if let values = unsafe values {
                value = unsafe values.loadUnaligned(fromByteOffset: 4 &* at, as: SIMD8<Float>.self)
            }
        } else {
            for lane in 0..<(featureCount &- at) {
                index[lane] = self.index(at &+ lane)
                if let values = unsafe values {
                    value[lane] = unsafe values.loadUnaligned(fromByteOffset: 4 &* (at &+ lane), as: Float.self)
                }
            }
        }
        return (index, value)
    }

    @inline(__always)
    func index(_ at: Int) -> UInt32 { unsafe indices.loadUnaligned(fromByteOffset: 4 &* at, as: UInt32.self) }
}

/// Whether `scoreShortExamples` is the faster one for so many examples.
func areShort(_ columns: ScoringColumns, examples: Int) -> Bool { columns.featureCount < 12 &* examples }

/// Eight short examples whose feature counts differ by more are scored one by one.
private let unevenFeatureCountMax: UInt32 = 4

/// How far ahead of the feature being scored its weight is fetched, in features.
private let prefetchDistance = 128
/// The same in short examples, whose weights no other fetches: more at once would wait for each other.
private let shortPrefetchDistance = 64

/// Scores examples: the same quantised sum of w·x as the learner's, so the same bits for the same weights.
///
/// - Parameters:
///   - base: what every margin begins with.
///   - margins: room for every example of `examples`, written from its start.
/// - Cost: O(features); allocates nothing.
func scoreExamples(
    _ columns: ScoringColumns, _ table: UnsafePointer<Float>, padding: UInt32, examples: Range<Int>, base: Double,
    margins: UnsafeMutablePointer<Double>
) {
    let padded = SIMD8<UInt32>(repeating: padding)
    let featureCount = columns.featureCount
    var end = columns.offset(examples.lowerBound)
    for e in examples {
        var at = end
        end = columns.offset(e &+ 1)
        var sum = SIMD8<Double>(repeating: 0)
        while at < end {
            let ahead = at &+ prefetchDistance
            if ahead &+ 8 <= featureCount {
                for lane in 0..<8 { unsafe sluice_prefetch(table + Int(columns.index(ahead &+ lane))) }
            }
            var (index, value) = columns.eight(at, padding: padding)
            if end &- at < 8 { index = sluice_first_indices8(index, padded, UInt32(truncatingIfNeeded: end &- at)) }
            sum = sluice_add_margin8(sum, unsafe sluice_gather8(table, index), value)
            at &+= 8
        }
        unsafe margins[e &- examples.lowerBound] = base + sluice_sum8(sum)
    }
}

/// Scores examples of few features: the same margins, with an example in each of eight lanes, so that none is idle while
/// examples have as many features as their neighbours.
///
/// - Parameters:
///   - base: what every margin begins with.
///   - margins: room for every example of `examples`, written from its start.
/// - Cost: O(features); allocates nothing.
func scoreShortExamples(
    _ columns: ScoringColumns, _ table: UnsafePointer<Float>, padding: UInt32, examples: Range<Int>, base: Double,
    margins: UnsafeMutablePointer<Double>
) {
    let featureCount = columns.featureCount
    var e = examples.lowerBound
    while e &+ 8 <= examples.upperBound {
        let starts = columns.offsets8(e)
        let counts = columns.offsets8(e &+ 1) &- starts
        let least = sluice_least8(counts)
        let most = sluice_most8(counts)
        if most &- least > unevenFeatureCountMax {
            unsafe scoreExamples(
                columns, table, padding: padding, examples: e..<e &+ 8, base: base,
                margins: margins + (e &- examples.lowerBound))
            e &+= 8
            continue
        }
        var ahead = columns.offset(e) &+ shortPrefetchDistance
        var sum = SIMD8<Double>(repeating: base)
        var j: UInt32 = 0
        while j < most {
            if ahead &+ 8 <= featureCount {
                for lane in 0..<8 { unsafe sluice_prefetch(table + Int(columns.index(ahead &+ lane))) }
            }
            ahead &+= 8
            var weight: SIMD8<Float>
            var value = SIMD8<Float>(repeating: 1)
            let shift = 4 &* Int(j)
            if j < least {
                weight = unsafe sluice_gather_at8(table, columns.indices + shift, starts)
                if let values = unsafe columns.values {
                    value = unsafe sluice_floats8(values + shift, starts)
                }
            } else {
                weight = SIMD8<Float>(repeating: 0)
                for lane in 0..<8 where j < counts[lane] {
                    let at = Int(starts[lane] &+ j)
                    weight[lane] = unsafe table[Int(columns.index(at))]
                    if let values = unsafe columns.values {
                        value[lane] = unsafe values.loadUnaligned(fromByteOffset: 4 &* at, as: Float.self)
                    }
                }
            }
            sum = sluice_add_margin8(sum, weight, value)
            j &+= 1
        }
        unsafe UnsafeMutableRawPointer(margins + (e &- examples.lowerBound)).storeBytes(of: sum, as: SIMD8<Double>.self)
        e &+= 8
    }
    if e < examples.upperBound {
        unsafe scoreExamples(
            columns, table, padding: padding, examples: e..<examples.upperBound, base: base,
            margins: margins + (e &- examples.lowerBound))
    }
}

/// Fetches the weights of the first features, which the kernels' own fetching ahead does not reach.
func fetchFirst(_ columns: ScoringColumns, _ table: UnsafePointer<Float>, examples: Int) {
    let reach = areShort(columns, examples: examples) ? shortPrefetchDistance : prefetchDistance
    for at in 0..<min(columns.featureCount, reach) { unsafe sluice_prefetch(table + Int(columns.index(at))) }
}
