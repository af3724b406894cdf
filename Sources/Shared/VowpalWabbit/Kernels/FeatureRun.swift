internal import CKernels

/// One example's features and the rows that they stand for, while a kernel runs over them.
///
/// Safe because it lives only inside `withRun`; every index was masked to the rows' count when it was expanded.
@safe
struct FeatureRun {
    let indices: UnsafePointer<UInt32>
    let values: UnsafePointer<Float>
    let rows: UnsafeMutablePointer<Float>
    let rowShift: Int
    let count: Int

    @inline(__always)
    func row(_ k: Int) -> UnsafeMutablePointer<Float> { unsafe rows + (Int(indices[k]) << rowShift) }

    /// Asks for the rows of the features that come a little later: by then they are there.
    @inline(__always)
    func prefetch(_ k: Int) {
        unsafe sluice_prefetch(rows + (Int(indices[k &+ Self.distance]) << rowShift))
    }
    /// At most `ExpandedExamples.slack`. A row from memory takes as long as about that many features.
    private static let distance = 24

    /// w·x, summed in order, from `initial` on.
    func margin(_ initial: Float) -> Float {
        var sum = initial
        for k in 0..<count {
            prefetch(k)
            unsafe sum += row(k)[0] * values[k]
        }
        return sum
    }

    /// As above, of truncated weights.
    func margin(_ initial: Float, gravity: Float) -> Float {
        var sum = initial
        for k in 0..<count { unsafe sum += truncated(row(k)[0], gravity) * values[k] }
        return sum
    }

    func sumOfSquares() -> Float {
        var sum: Float = 0
        for k in 0..<count { unsafe sum += values[k] * values[k] }
        return sum
    }
}

extension ExpandedExamples {
    /// Opens an example's features over the rows.
    func withRun<R>(_ example: Int, _ weights: borrowing WeightRows, _ body: (FeatureRun) -> R) -> R {
        let range = range(of: example)
        precondition(indices.count >= range.upperBound + Self.slack || range.isEmpty, "the columns have their slack")
        let (rows, shift) = unsafe (weights.rows, weights.rowShift)
        return unsafe indices.withUnsafeBufferPointer { indices in
            unsafe values.withUnsafeBufferPointer { values in
                guard let first = indices.baseAddress, let firstValue = values.baseAddress else {
                    // Of examples none of which has a feature: no loop runs.
                    var none: (UInt32, Float) = (0, 0)
                    return unsafe withUnsafePointer(to: &none.0) { index in
                        unsafe withUnsafePointer(to: &none.1) { value in
                            unsafe body(
                                FeatureRun(indices: index, values: value, rows: rows, rowShift: shift, count: 0))
                        }
                    }
                }
                return unsafe body(
                    FeatureRun(
                        indices: first + range.lowerBound, values: firstValue + range.lowerBound, rows: rows,
                        rowShift: shift, count: range.count))
            }
        }
    }
}
