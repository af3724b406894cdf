internal import Glibc

/// FTRL-Proximal. Rows: weight, z, sum of squared gradients.
///
/// - Source: McMahan et al. 2013, algorithm 1; Vowpal Wabbit's `ftrl.cc`.
func learnFTRL(_ run: FeatureRun, slope: Float, alpha: Float, beta: Float, l1: Float, l2: Float) {
    for k in 0..<run.count {
        let row = unsafe run.row(k)
        let gradient = unsafe slope * run.values[k]
        let sum = unsafe row[2] + gradient * gradient
        let root = sum.squareRoot()
        let sigma = unsafe (root - row[2].squareRoot()) / alpha
        unsafe row[1] += gradient - sigma * row[0]
        unsafe row[2] = sum
        let z = unsafe row[1]
        if z.magnitude <= l1 {
            unsafe row[0] = 0
        } else {
            let rate = 1 / (l2 + (beta + root) / alpha)
            unsafe row[0] = rate * (z < 0 ? -1 : 1) * (l1 - z.magnitude)
        }
    }
}

/// PiSTOL's weights of an example, and its margin. Rows: weight, sum of gradients, of their magnitudes, largest value.
///
/// - Source: Orabona 2014, "Simultaneous model selection and optimization through parameter-free stochastic learning".
func predictPistol(_ run: FeatureRun, alpha: Float, beta: Float) -> Float {
    var margin: Float = 0
    for k in 0..<run.count {
        let row = unsafe run.row(k)
        let x = unsafe run.values[k]
        if unsafe x.magnitude > row[3] { unsafe row[3] = x.magnitude }
        let (theta, sum, largest) = unsafe (row[1], row[2], row[3])
        let inverse = 1 / (alpha * largest * (sum + largest))
        unsafe row[0] = sum.squareRoot() * beta * theta * expf(theta * theta / 2 * inverse) * inverse
        unsafe margin += row[0] * x
    }
    return margin
}

func learnPistol(_ run: FeatureRun, slope: Float) {
    for k in 0..<run.count {
        let row = unsafe run.row(k)
        let gradient = unsafe slope * run.values[k]
        unsafe row[1] -= gradient
        unsafe row[2] += gradient.magnitude
    }
}

/// Coin betting's margin before it is divided by the mean norm, and the example's squared norm. Rows: weight, sum of
/// negative
/// gradients, of their magnitudes, largest value, wealth, largest gradient.
///
/// - Source: Orabona and Tommasi 2017, "Training deep networks without learning rates through coin betting".
func predictCoin(_ run: FeatureRun, alpha: Float) -> (margin: Float, normSquared: Float) {
    var (margin, normSquared): (Float, Float) = (0, 0)
    for k in 0..<run.count {
        let row = unsafe run.row(k)
        let x = unsafe run.values[k]
        let largest = unsafe max(row[3], x.magnitude)
        let scale = unsafe row[5] * largest
        if scale > 0 { unsafe margin += (alpha + row[4]) / (scale * (scale + row[2])) * row[1] * x }
        if largest > 0 { normSquared += (x / largest) * (x / largest) }
    }
    return (margin, normSquared)
}

func learnCoin(_ run: FeatureRun, slope: Float, alpha: Float, beta: Float, meanNorm: Float) {
    for k in 0..<run.count {
        let row = unsafe run.row(k)
        let x = unsafe run.values[k]
        let gradient = slope * x
        if unsafe x.magnitude > row[3] { unsafe row[3] = x.magnitude }
        if unsafe slope.magnitude > row[5] { unsafe row[5] = max(slope.magnitude, beta) }
        let scale = unsafe row[5] * row[3]
        unsafe row[0] = scale > 0 ? (alpha + row[4]) / (scale * (scale + row[2])) * row[1] : 0
        unsafe row[1] -= gradient
        unsafe row[2] += gradient.magnitude
        unsafe row[4] -= gradient * row[0]
        unsafe row[0] /= meanNorm
    }
}

/// FreeGrad's weight of a row. Rows: weight, sum of gradients, of their squares, first and largest gradient, sum of
/// clipped ratios.
///
/// - Source: Mhammedi and Koolen 2020, "Lipschitz and comparator-norm adaptivity in online learning", equation 9.
@inline(__always)
private func freeGradWeight(_ row: UnsafeMutablePointer<Float>) -> Float {
    let (sum, squares, first, largest) = unsafe (row[1], row[2], row[3], row[4])
    guard first > 0 else { return 0 }
    let bound = squares + largest * sum.magnitude
    return -sum * (2 * squares + largest * sum.magnitude) * (first * first)
        / (2 * (bound * bound) * squares.squareRoot()) * expf(sum * sum / (2 * squares + 2 * largest * sum.magnitude))
}

func predictFreeGrad(_ run: FeatureRun) -> Float {
    var margin: Float = 0
    for k in 0..<run.count { unsafe margin += freeGradWeight(run.row(k)) * run.values[k] }
    return margin
}

func learnFreeGrad(_ run: FeatureRun, slope: Float, importance: Float) {
    for k in 0..<run.count {
        let row = unsafe run.row(k)
        let gradient = unsafe slope * run.values[k]
        let (first, largest) = unsafe (row[3], row[4])
        if first > 0 { unsafe row[0] = freeGradWeight(row) }
        guard gradient != 0 else { continue }
        var clipped = gradient
        if first == 0 {
            unsafe (row[3], row[4]) = (gradient.magnitude, gradient.magnitude)
            unsafe row[2] += importance * gradient * gradient
        } else if gradient.magnitude > largest {
            clipped *= largest / gradient.magnitude
            unsafe row[4] = gradient.magnitude
        }
        unsafe row[1] += clipped + (importance - 1) * gradient
        unsafe row[2] += clipped * clipped + (importance - 1) * gradient * gradient
        if largest > 0 {
            unsafe row[5] += clipped.magnitude / largest + (importance - 1) * gradient.magnitude / row[4]
        }
    }
}
