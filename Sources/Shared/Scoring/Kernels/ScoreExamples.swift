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
    func index(_ at: Int) -> UInt32 { unsafe indices.loadUnaligned(fromByteOffset: 4 &* at, as: UInt32.self) }
}

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
    let ones = SIMD8<Float>(repeating: 1)
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
            var index: SIMD8<UInt32>
            var value = ones
            if at &+ 8 <= featureCount {
                index = unsafe columns.indices.loadUnaligned(fromByteOffset: 4 &* at, as: SIMD8<UInt32>.self)
                if let values = unsafe columns.values {
                    value = unsafe values.loadUnaligned(fromByteOffset: 4 &* at, as: SIMD8<Float>.self)
                }
                if end &- at < 8 {
                    index = sluice_first_indices8(index, padded, UInt32(truncatingIfNeeded: end &- at))
                }
            } else {
                index = padded
                for lane in 0..<min(8, end &- at) {
                    index[lane] = columns.index(at &+ lane)
                    if let values = unsafe columns.values {
                        value[lane] = unsafe values.loadUnaligned(fromByteOffset: 4 &* (at &+ lane), as: Float.self)
                    }
                }
            }
            sum = sluice_add_margin8(sum, unsafe sluice_gather8(table, index), value)
            at &+= 8
        }
        unsafe margins[e &- examples.lowerBound] = sluice_sum8(sum)
    }
}
