internal import CKernels

/// Floats of a row: the weight, the sum of squared gradients, the largest value of its feature so far.
private let rowWidth = 3

/// Vowpal Wabbit keeps no prediction beyond this.
private let marginMax = 50.0

/// Smallest square of a value that counts, as in Vowpal Wabbit: its root is the smallest magnitude.
private let leastValue: Float = 1.084202e-19

/// Scores and learns examples one after the other under rule nag: Vowpal Wabbit's normalised, adaptive and invariant steps for
/// logistic loss.
///
/// Its predictions are Vowpal Wabbit's but for rounding: margins are sums of quantised products as everywhere here, roots are
/// exact, exponentials and logarithms the same on every machine.
///
/// - Source: Vowpal Wabbit's `gd.cc` and `loss_functions.cc`; Ross, Mineiro and Langford 2013, "Normalized Online Learning", algorithm
///   2 (NAG); Karampatziakis and Langford 2011, "Online Importance Weight Aware Updates", table 1.
/// - Returns: how many products of weight and value were beyond the margin's range.
/// - Cost: O(features); allocates nothing.
func learnNormalized(
    _ columns: LearningColumns, examples: Range<Int>, rate: Float, _ sums: inout Normalization
) -> Int {
    let featureEnd = unsafe Int(columns.offsets[examples.upperBound])
    var clampedCount = 0
    for e in examples {
        let features = unsafe Int(columns.offsets[e])..<Int(columns.offsets[e &+ 1])
        let (margin, clamped) = scoreWideRows(columns, features, prefetchedEnd: featureEnd)
        unsafe columns.margins[e] = margin
        clampedCount &+= clamped

        let importance = unsafe Double(columns.importances[e])
        let sign: Double = unsafe columns.labels[e] > 0.5 ? 1 : -1
        let agreement = sign * min(max(margin, -marginMax), marginMax)
        // e^(y·p), which the gradient's size 1 / (1 + e^(y·p)) and the step share.
        let small = exponential(ofNonPositive: -agreement.magnitude)
        // Vowpal Wabbit learns nothing where its loss, a Float, is 0. Beyond, the step below would be a difference of equals.
        guard agreement < 0 || 1 + Float(small) > 1 else { continue }
        let odds = agreement > 0 ? 1 / small : small
        let slope = 1 / (1 + odds)
        let (sensitivity, norm) = prepareRows(columns, features, Float(importance * (slope * slope)))

        sums.squares += importance * norm
        sums.weight += importance
        let factor = sums.factor
        let step = sign * factor * invariantStep(Double(rate) * importance, sensitivity * factor, agreement, odds)
        guard step.isFinite else { continue }
        moveRows(columns, features, Float(step))
    }
    return clampedCount
}

/// The quantised margin of features, and how many products were clamped.
@inline(__always)
private func scoreWideRows(
    _ columns: LearningColumns, _ features: Range<Int>, prefetchedEnd: Int
) -> (margin: Double, clampedCount: Int) {
    let ahead = 96
    var sum = SIMD8<Double>(repeating: 0)
    var clampedCount = 0
    var at = features.lowerBound
    while at < features.upperBound {
        var (weight, value) = (SIMD8<Float>(repeating: 0), SIMD8<Float>(repeating: 0))
        for lane in 0..<min(8, features.upperBound &- at) {
            if at &+ lane &+ ahead < prefetchedEnd {
                unsafe sluice_prefetch(columns.table + rowWidth &* Int(columns.indices[at &+ lane &+ ahead]))
            }
            weight[lane] = unsafe columns.table[rowWidth &* Int(columns.indices[at &+ lane])]
            value[lane] = unsafe columns.values[at &+ lane]
        }
        sum = sluice_add_margin8(sum, weight, value)
        if sluice_any_above8(sluice_abs8(weight * value), 511) {
            for lane in 0..<8 where !((Double(weight[lane]) * Double(value[lane])).magnitude <= 512) {
                clampedCount &+= 1
            }
        }
        at &+= 8
    }
    return (sluice_sum8(sum), clampedCount)
}

/// Lets sums of squared gradients and largest values grow, and rescales weights to new largest values.
///
/// - Returns: how much the margin moves for a step of 1, and Σ x² / (largest value)².
@inline(__always)
private func prepareRows(
    _ columns: LearningColumns, _ features: Range<Int>, _ squaredGradient: Float
) -> (sensitivity: Double, norm: Double) {
    var (sensitivity, norm) = (0.0, 0.0)
    for k in features {
        let row = unsafe columns.table + rowWidth &* Int(columns.indices[k])
        let magnitude = unsafe max(columns.values[k].magnitude, leastValue)
        let square = magnitude * magnitude
        unsafe row[1] += squaredGradient * square
        let largest = unsafe row[2]
        if magnitude > largest {
            if largest > 0 { unsafe row[0] *= largest / magnitude }
            unsafe row[2] = magnitude
        }
        let share = unsafe magnitude / row[2]
        norm += Double(share * share)
        sensitivity += unsafe Double(square * rowRate(row))
    }
    return (sensitivity, norm)
}

@inline(__always)
private func moveRows(_ columns: LearningColumns, _ features: Range<Int>, _ step: Float) {
    for k in features {
        let row = unsafe columns.table + rowWidth &* Int(columns.indices[k])
        unsafe row[0] += step * columns.values[k] * rowRate(row)
    }
}

/// A row's own rate: 1 / (√(sum of squared gradients) · largest value).
@inline(__always)
private func rowRate(_ row: UnsafeMutablePointer<Float>) -> Float {
    let scale = unsafe row[1].squareRoot() * row[2]
    // Where every gradient was too small for a square nothing is learned.
    return scale >= .leastNormalMagnitude ? 1 / scale : 0
}

/// The size of a step that an example of importance h makes as h steps of importance 1 would.
///
/// - Parameters:
///   - scale: rate times importance.
///   - agreement: y·p. `odds` is its exponential.
@inline(__always)
private func invariantStep(_ scale: Double, _ sensitivity: Double, _ agreement: Double, _ odds: Double) -> Double {
    guard scale * sensitivity >= 1e-6 else { return scale / (1 + odds) }
    let x = scale * sensitivity + agreement + odds
    return -(lambertOfExponentialMinus(x) + agreement) / sensitivity
}

/// W(eˣ) − x, W Lambert's function, to less than 9e-5: Vowpal Wabbit's closed form, whose steps these are.
private func lambertOfExponentialMinus(_ x: Double) -> Double {
    let isLarge = x >= 1
    // Below 1 the exponent is below 0.15.
    let w = isLarge ? 0.86 * x + 0.01 : exponential(ofNonPositive: 0.8 * x - 0.8) * 1.161_834_242_728_283
    let r = isLarge ? x - logarithm(w) - w : 0.2 * x + 0.65 - w
    let t = 1 + w
    let u = 2 * t * (t + 2 * r / 3)
    return w * (1 + r / t * (u - r) / (u - 2 * r)) - x
}

/// ln x of a positive finite number, the same bits on every machine.
private func logarithm(_ x: Double) -> Double {
    Double(x.exponent) * 0.693_147_180_559_945_3 + logarithm(ofOnePlus: x.significand - 1)
}
