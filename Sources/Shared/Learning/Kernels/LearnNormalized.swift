internal import CKernels

/// Floats of a row: the weight, the sum of squared gradients, the largest value of its feature so far.
private let rowWidth = 3
private var wide: SIMD8<UInt32> { @inline(__always) get { SIMD8(repeating: UInt32(rowWidth)) } }

/// How far ahead of the feature being scored its row is fetched, in features.
private let prefetchDistance = 128

/// Vowpal Wabbit keeps no prediction beyond this.
private let marginMax = 50.0

/// Values count as at least that large, as in Vowpal Wabbit: their squares are normal numbers.
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
    let padding = SIMD8<UInt32>(repeating: columns.padding) &+ SIMD8(0, 1, 2, 3, 4, 5, 6, 7)
    var clampedCount = 0
    for e in examples {
        let features = unsafe Int(columns.offsets[e])..<Int(columns.offsets[e &+ 1])
        let (margin, clamped) = scoreWideRows(columns, features, padding, prefetchedEnd: featureEnd)
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
    _ columns: LearningColumns, _ features: Range<Int>, _ padding: SIMD8<UInt32>, prefetchedEnd: Int
) -> (margin: Double, clampedCount: Int) {
    var sum = SIMD8<Double>(repeating: 0)
    var clampedCount = 0
    var at = features.lowerBound
    while at < features.upperBound {
        let ahead = at &+ prefetchDistance
        if ahead &+ 8 <= prefetchedEnd {
            for lane in 0..<8 {
                unsafe sluice_prefetch(columns.table + rowWidth &* Int(columns.indices[ahead &+ lane]))
            }
        }
        let (index, value) = unsafe group(columns.indices, columns.values, at, features.upperBound, padding)
        let weight = unsafe sluice_gather8(columns.table, index &* wide)
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
    var (sensitivity, norm) = (SIMD8<Double>(repeating: 0), SIMD8<Double>(repeating: 0))
    var at = features.lowerBound
    while at < features.upperBound {
        let index = unsafe load8(columns.indices + at)
        let magnitude = unsafe sluice_max8(sluice_abs8(load8(columns.values + at)), SIMD8(repeating: leastValue))
        if features.upperBound &- at < 8 || sluice_has_repeat8(index) {
            for lane in 0..<min(8, features.upperBound &- at) {
                let row = unsafe columns.table + rowWidth &* Int(index[lane])
                let square = magnitude[lane] * magnitude[lane]
                unsafe row[1] += squaredGradient * square
                let largest = unsafe row[2]
                if magnitude[lane] > largest {
                    if largest > 0 { unsafe row[0] *= largest / magnitude[lane] }
                    unsafe row[2] = magnitude[lane]
                }
                let share = unsafe magnitude[lane] / row[2]
                norm[lane] += Double(share * share)
                sensitivity[lane] += unsafe Double(square * rate(SIMD8(repeating: row[1]), SIMD8(repeating: row[2]))[0])
            }
        } else {
            let places = index &* wide
            let square = magnitude * magnitude
            let squares = unsafe sluice_gather8(columns.table + 1, places) + SIMD8(repeating: squaredGradient) * square
            let before = unsafe sluice_gather8(columns.table + 2, places)
            let largest = sluice_max8(before, magnitude)
            unsafe sluice_scatter8(columns.table + 1, places, squares)
            if sluice_any_above8(magnitude - before, 0) {
                for lane in 0..<8 where magnitude[lane] > before[lane] {
                    let row = unsafe columns.table + rowWidth &* Int(index[lane])
                    if before[lane] > 0 { unsafe row[0] *= before[lane] / magnitude[lane] }
                    unsafe row[2] = magnitude[lane]
                }
            }
            let share = magnitude / largest
            norm += sluice_doubles8(share * share)
            sensitivity += sluice_doubles8(square * rate(squares, largest))
        }
        at &+= 8
    }
    return (sluice_sum8(sensitivity), sluice_sum8(norm))
}

@inline(__always)
private func moveRows(_ columns: LearningColumns, _ features: Range<Int>, _ step: Float) {
    var at = features.lowerBound
    while at < features.upperBound {
        let index = unsafe load8(columns.indices + at)
        let value = unsafe load8(columns.values + at)
        if features.upperBound &- at < 8 || sluice_has_repeat8(index) {
            for lane in 0..<min(8, features.upperBound &- at) {
                let row = unsafe columns.table + rowWidth &* Int(index[lane])
                let rate = unsafe rate(SIMD8(repeating: row[1]), SIMD8(repeating: row[2]))[0]
                unsafe row[0] += step * value[lane] * rate
            }
        } else {
            let places = index &* wide
            let rates = unsafe rate(
                sluice_gather8(columns.table + 1, places), sluice_gather8(columns.table + 2, places))
            let weights = unsafe sluice_gather8(columns.table, places) + SIMD8(repeating: step) * value * rates
            unsafe sluice_scatter8(columns.table, places, weights)
        }
        at &+= 8
    }
}

/// Rows' own rates: 1 / (√(sum of squared gradients) · largest value).
@inline(__always)
private func rate(_ squares: SIMD8<Float>, _ largest: SIMD8<Float>) -> SIMD8<Float> {
    // Where every gradient was too small for a square nothing is learned.
    sluice_reciprocal_or_zero8(sluice_sqrt8(squares) * largest)
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
