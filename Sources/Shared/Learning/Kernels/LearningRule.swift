internal import CKernels

/// Eight rows of two floats, as two columns.
struct Rows8 {
    var first: SIMD8<Float>
    var second: SIMD8<Float>

    @inline(__always)
    init(first: SIMD8<Float>, second: SIMD8<Float>) {
        self.first = first
        self.second = second
    }

    @inline(__always)
    init(_ table: UnsafePointer<Float>, _ indices: SIMD8<UInt32>) {
        first = unsafe sluice_first8(table, indices)
        second = unsafe sluice_second8(table, indices)
    }
}

/// A rule of learning over rows of two floats, eight at a time. Chosen by type, once for each batch.
protocol LearningRule: Sendable {
    /// The weights that the rows stand for.
    func weights(_ rows: Rows8) -> SIMD8<Float>
    /// The rows after one example.
    ///
    /// - Parameters:
    ///   - weights: as they were when the example was scored.
    ///   - values: the example's feature values; 0 leaves a row as it is.
    ///   - residual: importance times (p − y).
    func updated(_ rows: Rows8, weights: SIMD8<Float>, values: SIMD8<Float>, residual: Float) -> Rows8
}

/// Smaller than any square root of a positive Float; keeps 0/0 out where a row was never touched.
private var least: SIMD8<Float> {
    @inline(__always) get { SIMD8(repeating: 0x1p-126) }
}

/// FTRL-Proximal: rows (z, n).
/// - Source: McMahan et al. 2013, "Ad Click Prediction", algorithm 1; the difference of roots as a quotient, because a
///   Float cancels when n is large.
struct FTRLRule: LearningRule {
    let inverseAlpha: SIMD8<Float>
    let beta: SIMD8<Float>
    let l1: SIMD8<Float>
    let l2: SIMD8<Float>

    init(alpha: Float, beta: Float, l1: Float, l2: Float) {
        inverseAlpha = SIMD8(repeating: 1 / alpha)
        self.beta = SIMD8(repeating: beta)
        self.l1 = SIMD8(repeating: l1)
        self.l2 = SIMD8(repeating: l2)
    }

    @inline(__always)
    func weights(_ rows: Rows8) -> SIMD8<Float> {
        let zero = SIMD8<Float>(repeating: 0)
        let pull = sluice_max8(sluice_abs8(rows.first) - l1, zero)
        let rate = sluice_max8((beta + sluice_sqrt8(rows.second)) * inverseAlpha + l2, least)
        // Adding 0 turns -0 into 0.
        return zero - sluice_copysign8(pull, rows.first) / rate + zero
    }

    @inline(__always)
    func updated(
        _ rows: Rows8, weights: SIMD8<Float>, values: SIMD8<Float>, residual: Float
    ) -> Rows8 {
        let gradient = values * SIMD8(repeating: residual)
        let square = gradient * gradient
        let sum = rows.second + square
        let roots = sluice_max8(sluice_sqrt8(sum) + sluice_sqrt8(rows.second), least)
        let step = square / roots * inverseAlpha
        return Rows8(first: rows.first + (gradient - step * weights), second: sum)
    }
}

/// AdaGrad: rows (w, sum of squared gradients). A zero gradient changes nothing.
/// - Source: Duchi, Hazan, Singer 2011, diagonal form.
struct AdaGradRule: LearningRule {
    let rate: SIMD8<Float>

    init(rate: Float) { self.rate = SIMD8(repeating: rate) }

    @inline(__always)
    func weights(_ rows: Rows8) -> SIMD8<Float> { rows.first }

    @inline(__always)
    func updated(
        _ rows: Rows8, weights: SIMD8<Float>, values: SIMD8<Float>, residual: Float
    ) -> Rows8 {
        let gradient = values * SIMD8(repeating: residual)
        let sum = rows.second + gradient * gradient
        let root = sluice_max8(sluice_sqrt8(sum), least)
        return Rows8(first: rows.first - rate * gradient / root, second: sum)
    }
}
