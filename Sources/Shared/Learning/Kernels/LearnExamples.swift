internal import CKernels

/// What the loop over examples reads and writes.
///
/// Safe because it lives only inside `Learner.learn`, which checked the shapes: every index is below `padding`, the
/// columns have eight entries of slack, the table has eight rows behind its last.
@safe
struct LearningColumns {
    let labels: UnsafePointer<Float>
    let importances: UnsafePointer<Float>
    let offsets: UnsafePointer<UInt32>
    let indices: UnsafePointer<UInt32>
    let values: UnsafePointer<Float>
    /// Receives each example's margin before it was learned.
    let margins: UnsafeMutablePointer<Double>
    /// Holds one example's weights between scoring and learning.
    let weights: UnsafeMutablePointer<Float>
    /// Two floats a row, or three under rule nag.
    let table: UnsafeMutablePointer<Float>
    /// The first of the eight rows that lanes without a feature use.
    let padding: UInt32
}

/// How far ahead of the feature being scored its row is fetched, in features. Measured flat from 128 to 384.
private let prefetchDistance = 192

/// Scores and learns examples one after the other.
///
/// Rows repeated in an example learn in feature order, each with the weight it was scored with.
/// - Returns: how many products of weight and value were beyond the margin's range.
/// - Cost: O(features); allocates nothing.
@inline(__always)
func learnExamples(_ rule: some LearningRule, _ columns: LearningColumns, examples: Range<Int>) -> Int {
    let padding = SIMD8<UInt32>(repeating: columns.padding) &+ SIMD8(0, 1, 2, 3, 4, 5, 6, 7)
    let featureEnd = unsafe Int(columns.offsets[examples.upperBound])
    let table = unsafe columns.table
    var clampedCount = 0

    for e in examples {
        let start = unsafe Int(columns.offsets[e])
        let end = unsafe Int(columns.offsets[e &+ 1])

        let (margin, clamped) = unsafe scoreExample(
            rule, table, columns.indices, columns.values, start, end, padding, prefetchedEnd: featureEnd,
            weights: columns.weights)
        unsafe columns.margins[e] = margin
        clampedCount &+= clamped

        let label = unsafe Double(columns.labels[e])
        let residual = unsafe Float(Double(columns.importances[e]) * (sigmoid(margin) - label))
        guard residual != 0 else { continue }

        var at = start
        while at < end {
            let (index, value) = unsafe group(columns.indices, columns.values, at, end, padding)
            let weight = unsafe load8(UnsafePointer(columns.weights + (at &- start)))
            if sluice_has_repeat8(index) {
                unsafe learnRepeatedRows(rule, table, padding, index, weight, value, residual)
            } else {
                unsafe learnRows(rule, table, index, weight, value, residual)
            }
            at &+= 8
        }
    }
    return clampedCount
}

/// Adds up the quantised margin of features start ..< end, and keeps the weights that its rows stand for.
///
/// - Parameters:
///   - prefetchedEnd: rows are fetched ahead up to this feature; 0 fetches none.
///   - weights: receives the weights, eight at a time from its start.
/// - Returns: the margin, and how many products were clamped.
@inline(__always)
func scoreExample(
    _ rule: some LearningRule, _ table: UnsafeMutablePointer<Float>, _ indices: UnsafePointer<UInt32>,
    _ values: UnsafePointer<Float>, _ start: Int, _ end: Int, _ padding: SIMD8<UInt32>, prefetchedEnd: Int,
    weights: UnsafeMutablePointer<Float>
) -> (margin: Double, clampedCount: Int) {
    var sum = SIMD8<Double>(repeating: 0)
    var largest = SIMD8<Float>(repeating: 0)
    var at = start
    while at < end {
        let ahead = at &+ prefetchDistance
        if ahead &+ 8 <= prefetchedEnd {
            for lane in 0..<8 { unsafe sluice_prefetch(table + 2 &* Int(indices[ahead &+ lane])) }
        }
        let (index, value) = unsafe group(indices, values, at, end, padding)
        let weight = rule.weights(unsafe Rows8(table, index))
        unsafe UnsafeMutableRawPointer(weights + (at &- start)).storeBytes(of: weight, as: SIMD8<Float>.self)
        sum = sluice_add_margin8(sum, weight, value)
        largest = sluice_max8(largest, sluice_abs8(weight * value))
        at &+= 8
    }
    let clampedCount = sluice_any_above8(largest, 511) ? unsafe countClamped(weights, values, start, end) : 0
    return (sluice_sum8(sum), clampedCount)
}

@inline(__always)
func learnRows(
    _ rule: some LearningRule, _ table: UnsafeMutablePointer<Float>, _ index: SIMD8<UInt32>, _ weight: SIMD8<Float>,
    _ value: SIMD8<Float>, _ residual: Float
) {
    let rows = rule.updated(
        unsafe Rows8(table, index), weights: weight, values: value, residual: residual)
    unsafe sluice_store_rows8(table, index, rows.first, rows.second)
}

/// The same, one row after the other: two of the eight are one row.
@inline(never)
func learnRepeatedRows(
    _ rule: some LearningRule, _ table: UnsafeMutablePointer<Float>, _ padding: SIMD8<UInt32>, _ index: SIMD8<UInt32>,
    _ weight: SIMD8<Float>, _ value: SIMD8<Float>, _ residual: Float
) {
    for lane in 0..<8 {
        var (one, alone) = (padding, SIMD8<Float>(repeating: 0))
        one[lane] = index[lane]
        alone[lane] = value[lane]
        unsafe learnRows(rule, table, one, weight, alone, residual)
    }
}

/// How many products of the example's weights and values are beyond the margin's range.
@inline(never)
private func countClamped(
    _ weights: UnsafePointer<Float>, _ values: UnsafePointer<Float>, _ start: Int, _ end: Int
) -> Int {
    var count = 0
    for at in start..<end {
        let product = unsafe Double(weights[at &- start]) * Double(values[at])
        if !(product.magnitude <= 512) { count &+= 1 }
    }
    return count
}

@inline(__always)
func load8(_ from: UnsafePointer<UInt32>) -> SIMD8<UInt32> {
    unsafe UnsafeRawPointer(from).loadUnaligned(as: SIMD8<UInt32>.self)
}

@inline(__always)
func load8(_ from: UnsafePointer<Float>) -> SIMD8<Float> {
    unsafe UnsafeRawPointer(from).loadUnaligned(as: SIMD8<Float>.self)
}
