internal import CKernels

/// What one pass over a window reads and writes.
///
/// Safe because it lives only inside `WindowPass.run`, which checked the shapes: the columns have eight entries of slack,
/// the table has eight rows behind its last, the log has room for every group of the tried examples. Every index is
/// below `padding`: the parser and `slices` see to it.
@safe
struct PassColumns {
    let offsets: UnsafePointer<UInt32>
    let indices: UnsafePointer<UInt32>
    let values: UnsafePointer<Float>
    /// Told by the clock, importance included, for the examples tried.
    let residuals: UnsafePointer<Float>
    /// Receive each example's partial margin, and how many of its products were clamped. Shape [window].
    let margins: UnsafeMutablePointer<Double>
    let clampedCounts: UnsafeMutablePointer<Int32>
    /// Receives where the log stood behind each example. Shape [window].
    let logEnds: UnsafeMutablePointer<Int>
    /// Holds one example's weights between scoring and learning.
    let weights: UnsafeMutablePointer<Float>
    /// Two floats a row.
    let table: UnsafeMutablePointer<Float>
    /// Eight rows as they were, for each group of eight that was changed.
    let log: UnsafeMutablePointer<LoggedRows>
    /// The first of the eight rows that lanes without a feature use.
    let padding: UInt32
}

/// Eight rows before a change. Two of the eight may be one row: then both are what it was.
struct LoggedRows: BitwiseCopyable {
    var indices: SIMD8<UInt32>
    var first: SIMD8<Float>
    var second: SIMD8<Float>
}

/// Scores the examples of `window` in order; behind the score of each of `tried`, the first of them, learns it
/// tentatively with its residual; the first residual is that of example `residualStart`.
///
/// The same arithmetic as `learnExamples`, with the residual given: over one owner's rows, or over all.
/// - Returns: how many groups the log holds.
/// - Cost: O(features); allocates nothing.
@inline(__always)
func passWindow(
    _ rule: some LearningRule, _ columns: PassColumns, residualStart: Int, window: Range<Int>, tried: Range<Int>
) -> Int {
    let padding = SIMD8<UInt32>(repeating: columns.padding) &+ SIMD8(0, 1, 2, 3, 4, 5, 6, 7)
    let table = unsafe columns.table
    let featureEnd = unsafe Int(columns.offsets[window.upperBound])
    var logged = 0

    for e in window {
        // The rows of tried examples were fetched by the pass before.
        let isFresh = !tried.contains(e)
        let start = unsafe Int(columns.offsets[e])
        let end = unsafe Int(columns.offsets[e &+ 1])
        let place = e &- window.lowerBound
        let (margin, clampedCount) = unsafe scoreExample(
            rule, table, columns.indices, columns.values, start, end, padding, prefetchedEnd: isFresh ? featureEnd : 0,
            weights: columns.weights)
        unsafe columns.margins[place] = margin
        unsafe columns.clampedCounts[place] = Int32(truncatingIfNeeded: clampedCount)

        let residual = isFresh ? 0 : unsafe columns.residuals[e &- residualStart]
        if residual != 0 {
            var at = start
            while at < end {
                let (index, value) = unsafe group(columns.indices, columns.values, at, end, padding)
                let rows = unsafe Rows8(table, index)
                unsafe columns.log[logged] = LoggedRows(indices: index, first: rows.first, second: rows.second)
                logged &+= 1
                let weight = unsafe load8(UnsafePointer(columns.weights + (at &- start)))
                if sluice_has_repeat8(index) {
                    unsafe learnRepeatedRows(rule, table, padding, index, weight, value, residual)
                } else {
                    unsafe learnRows(rule, table, index, weight, value, residual)
                }
                at &+= 8
            }
        }
        unsafe columns.logEnds[place] = logged
    }
    return logged
}

/// Takes back the changes of groups `range` of the log, the last first.
func undo(_ log: UnsafePointer<LoggedRows>, _ range: Range<Int>, _ table: UnsafeMutablePointer<Float>) {
    var at = range.upperBound
    while at > range.lowerBound {
        at &-= 1
        let rows = unsafe log[at]
        unsafe sluice_store_rows8(table, rows.indices, rows.first, rows.second)
    }
}

/// Features at ..< at + 8 of an example that ends at `end`; lanes behind it have rows of their own and the value 0.
@inline(__always)
func group(
    _ indices: UnsafePointer<UInt32>, _ values: UnsafePointer<Float>, _ at: Int, _ end: Int, _ padding: SIMD8<UInt32>
) -> (SIMD8<UInt32>, SIMD8<Float>) {
    let index = unsafe load8(indices + at)
    let value = unsafe load8(values + at)
    guard end &- at < 8 else { return (index, value) }
    let count = UInt32(truncatingIfNeeded: end &- at)
    return (sluice_first_indices8(index, padding, count), sluice_first_values8(value, count))
}
