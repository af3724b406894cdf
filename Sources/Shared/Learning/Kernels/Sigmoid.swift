/// e^x for x ≤ 0, the same bits on every machine: own polynomial, no fused multiply-add.
///
/// x = n ln 2 + r with |r| ≤ ln 2 / 2; Taylor's series to degree 13 leaves less than 2^-57, in Estrin's order.
/// - Precondition: x ≤ 0. Below -700 it counts as -700.
@inline(__always)
package func exponential(ofNonPositive x: Double) -> Double {
    let x = x < -700 ? -700 : x
    let shift = 6_755_399_441_055_744.0  // 1.5 * 2^52: adding it rounds to the nearest integer
    let shifted = x * 1.442_695_040_888_963_4 + shift
    let n = shifted - shift
    let r = (x - n * 0.693_147_180_369_123_8) - n * 1.908_214_929_270_587_7e-10
    let r2 = r * r
    let r4 = r2 * r2
    let low = (1 + r) + r2 * (0.5 + r * (1.0 / 6))
    let middle = (1.0 / 24 + r * (1.0 / 120)) + r2 * (1.0 / 720 + r * (1.0 / 5040))
    let high = (1.0 / 40320 + r * (1.0 / 362_880)) + r2 * (1.0 / 3_628_800 + r * (1.0 / 39_916_800))
    let top = 1.0 / 479_001_600 + r * (1.0 / 6_227_020_800)
    let series = low + r4 * (middle + r4 * (high + r4 * top))
    // The low bits of `shifted` are n, offset by the bits of `shift`, whose own low bits are 0.
    return series * Double(bitPattern: (shifted.bitPattern &+ 1023) &<< 52)
}

/// 1 / (1 + e^-margin).
@inline(__always)
package func sigmoid(_ margin: Double) -> Double {
    let e = exponential(ofNonPositive: -margin.magnitude)
    return margin < 0 ? e / (1 + e) : 1 / (1 + e)
}

/// ln(1 + e) for e in 0 ... 1, the same bits on every machine.
///
/// 1 + e = 2^k (1 + f), then ln(1 + f) = 2 artanh(f / (2 + f)), eleven terms.
@inline(__always)
package func logarithm(ofOnePlus e: Double) -> Double {
    let halves = e > 0.414_213_562_373_095
    let f = halves ? (e - 1) * 0.5 : e
    let s = f / (2 + f)
    let q = s * s
    let q2 = q * q
    let q4 = q2 * q2
    let low = (1 + q * (1.0 / 3)) + q2 * (1.0 / 5 + q * (1.0 / 7))
    let middle = (1.0 / 9 + q * (1.0 / 11)) + q2 * (1.0 / 13 + q * (1.0 / 15))
    let high = (1.0 / 17 + q * (1.0 / 19)) + q2 * (1.0 / 21)
    return 2 * s * (low + q4 * (middle + q4 * high)) + (halves ? 0.693_147_180_559_945_3 : 0)
}

/// The log loss of a margin: ln(1 + e^(-s margin)), s = 1 for label 1 and -1 for label 0.
@inline(__always)
package func logLoss(margin: Double, label: Float) -> Double { score(margin: margin, label: label).logLoss }

/// `sigmoid` and `logLoss` of one margin, which share their exponential.
@inline(__always)
func score(margin: Double, label: Float) -> (probability: Double, logLoss: Double) {
    let e = exponential(ofNonPositive: -margin.magnitude)
    let agreeing = label > 0.5 ? margin : -margin
    return (
        (margin < 0 ? e : 1) / (1 + e), (agreeing < 0 ? -agreeing : 0) + logarithm(ofOnePlus: e)
    )
}

/// As below, for arrays; both are long enough.
package func probabilities(_ margins: [Double], _ count: Int, into probabilities: inout [Float]) {
    var span = probabilities.mutableSpan
    Learning.probabilities(margins.span.extracting(first: count), into: &span)
}

/// The probability of label 1 that is told to clients.
package func probabilities(_ margins: Span<Double>, into probabilities: inout MutableSpan<Float>) {
    precondition(margins.count <= probabilities.count, "room for every probability")
    for e in margins.indices { probabilities[e] = Float(sigmoid(margins[e])) }
}
