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

/// Examples with fewer features on average are scored by `scoreShortExamples`.
let shortFeatureCount = 12

/// How far ahead of the feature being scored its weight is fetched, in features.
private let prefetchDistance = 128

/// Scores examples: the same quantised sum of w·x as the learner's, so the same bits for the same weights.
///
/// - Parameter margins: room for every example of `examples`, written from its start.
/// - Cost: O(features); allocates nothing.
func scoreExamples(
    _ columns: ScoringColumns, _ table: UnsafePointer<Float>, padding: UInt32, examples: Range<Int>,
    margins: UnsafeMutablePointer<Double>
) {
    let padded = SIMD8<UInt32>(repeating: padding)
    let featureCount = columns.featureCount
    var end = columns.offset(examples.lowerBound)
    unsafe prefetchFirst(columns, table, from: end)
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
        unsafe margins[e &- examples.lowerBound] = sluice_sum8(sum)
    }
}

/// Scores examples of few features: the same margins. Products are made eight at a time over where one example ends and the next
/// begins, so that no lane is idle, then summed example by example; their sum is exact, in any order.
///
/// - Parameters:
///   - base: what every margin begins with.
///   - margins: room for every example of `examples`, written from its start.
/// - Cost: O(features); takes 8 KiB of stack.
func scoreShortExamples(
    _ columns: ScoringColumns, _ table: UnsafePointer<Float>, padding: UInt32, examples: Range<Int>, base: Double,
    margins: UnsafeMutablePointer<Double>
) {
    let roomCount = 1024
    unsafe prefetchFirst(columns, table, from: columns.offset(examples.lowerBound))
    unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: roomCount + 8) { room in
        let products = room.baseAddress!
        var e = examples.lowerBound
        while e < examples.upperBound {
            let first = columns.offset(e)
            var last = examples.upperBound
            if columns.offset(last) &- first > roomCount {
                last = e
                while columns.offset(last &+ 1) &- first <= roomCount { last &+= 1 }
            }
            if last == e {
                unsafe scoreExamples(
                    columns, table, padding: padding, examples: e..<e + 1, margins: margins + (e &- examples.lowerBound)
                )
                e &+= 1
                continue
            }
            unsafe makeProducts(columns, table, padding, first, columns.offset(last), products)
            var at = first
            while e < last {
                let end = columns.offset(e &+ 1)
                var sum = base
                while at < end {
                    unsafe sum += products[at &- first]
                    at &+= 1
                }
                unsafe margins[e &- examples.lowerBound] = sum
                e &+= 1
            }
        }
    }
}

/// The quantised products of features start ..< end; up to seven more are written.
@inline(__always)
private func makeProducts(
    _ columns: ScoringColumns, _ table: UnsafePointer<Float>, _ padding: UInt32, _ start: Int, _ end: Int,
    _ products: UnsafeMutablePointer<Double>
) {
    let zeros = SIMD8<Double>(repeating: 0)
    let featureCount = columns.featureCount
    var at = start
    while at < end {
        let ahead = at &+ prefetchDistance
        if ahead &+ 8 <= featureCount {
            for lane in 0..<8 { unsafe sluice_prefetch(table + Int(columns.index(ahead &+ lane))) }
        }
        let (index, value) = columns.eight(at, padding: padding)
        let eight = sluice_add_margin8(zeros, unsafe sluice_gather8(table, index), value)
        unsafe UnsafeMutableRawPointer(products + (at &- start)).storeBytes(of: eight, as: SIMD8<Double>.self)
        at &+= 8
    }
}

/// Fetches the weights of the features that no prefetch ahead reaches.
@inline(__always)
private func prefetchFirst(_ columns: ScoringColumns, _ table: UnsafePointer<Float>, from start: Int) {
    var at = start
    let end = min(columns.featureCount, start &+ prefetchDistance)
    while at < end {
        unsafe sluice_prefetch(table + Int(columns.index(at)))
        at &+= 1
    }
}
