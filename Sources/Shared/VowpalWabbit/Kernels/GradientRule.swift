internal import CKernels

/// Something a rule has or has not, as a type: the compiler makes a loop of each choice.
protocol Choice { static var isOn: Bool { get } }
enum On: Choice { static var isOn: Bool { true } }
enum Off: Choice { static var isOn: Bool { false } }

/// What the first walk over an example's features found.
struct Sensitivity {
    /// How much the prediction moves for a step of 1.
    var sensitivity: Float = 0
    /// Σ x² / (largest value of its feature)².
    var normSquared: Float = 0
    var isTooLarge = false
}

/// Rows of the gradient rule: weight; sum of squared gradients where it is adaptive; largest value where it is
/// normalised; the rate of
/// this step. The columns that a rule lacks are left out.
///
/// - Source: Vowpal Wabbit's `gd.cc`; Duchi, Hazan and Singer 2011 (adaptive), Ross, Mineiro and Langford 2013
///   (normalised).
struct GradientRule {
    var isAdaptive: Bool
    var isNormalized: Bool
    /// −power_t and power_t − 1; both exponents are square roots at ½, which is Vowpal Wabbit's default.
    var power: (rate: Float, norm: Float)
    /// Only weights that are not 0 are learned.
    var isMasked: Bool

    var hasSquareRoots: Bool { power.rate == -0.5 }

    /// Walks over the features: sums of squared gradients and largest values grow, old weights are rescaled to new
    /// largest values, and
    /// each row gets its rate.
    func prepare(_ run: FeatureRun, squaredGradient: Float) -> Sensitivity {
        switch (isAdaptive, isNormalized, hasSquareRoots && !isMasked) {
        case (true, true, true): prepare(run, squaredGradient, On.self, On.self, On.self)
        case (true, true, false): prepare(run, squaredGradient, On.self, On.self, Off.self)
        case (true, false, true): prepare(run, squaredGradient, On.self, Off.self, On.self)
        case (true, false, false): prepare(run, squaredGradient, On.self, Off.self, Off.self)
        case (false, _, true): prepare(run, squaredGradient, Off.self, On.self, On.self)
        case (false, _, false): prepare(run, squaredGradient, Off.self, On.self, Off.self)
        }
    }

    /// - Parameter Q: square roots, and every weight is learned; otherwise both are asked for each feature.
    @inline(__always)
    private func prepare<A: Choice, N: Choice, Q: Choice>(
        _ run: FeatureRun, _ squaredGradient: Float, _: A.Type, _: N.Type, _: Q.Type
    ) -> Sensitivity {
        let hasRoots = Q.isOn || hasSquareRoots
        var found = Sensitivity()
        let normColumn = A.isOn ? 2 : 1
        let rateColumn = normColumn + (N.isOn ? 1 : 0)
        for k in 0..<run.count {
            let row = unsafe run.row(k)
            if !Q.isOn && isMasked { guard unsafe row[0] != 0 else { continue } }
            var x = unsafe run.values[k]
            var square = x * x
            if square < Self.squareMin {
                x = x > 0 ? Self.valueMin : -Self.valueMin
                square = Self.squareMin
            }
            if A.isOn { unsafe row[1] += squaredGradient * square }
            if N.isOn {
                let magnitude = x.magnitude
                let largest = unsafe row[normColumn]
                if magnitude > largest {
                    if largest > 0 { unsafe row[0] *= rescaling(largest, magnitude, A.self, hasRoots) }
                    unsafe row[normColumn] = magnitude
                }
                let norm = unsafe row[normColumn]
                let isTooLarge = square > .greatestFiniteMagnitude
                found.isTooLarge = found.isTooLarge || isTooLarge
                if A.isOn && hasRoots && norm == 1 && square == 1 {
                    // Most features: what follows, without its divisions by 1.
                    found.normSquared += 1
                    let rate = unsafe 1 / row[1].squareRoot()
                    unsafe row[rateColumn] = rate
                    found.sensitivity += rate
                    continue
                }
                found.normSquared += isTooLarge ? 1 : square / (norm * norm)
            }
            let rate = unsafe rate(row, normColumn, A.self, N.self, hasRoots)
            unsafe row[rateColumn] = rate
            found.sensitivity += square * rate
        }
        return found
    }

    private static let valueMin: Float = 1.084202e-19
    private static let squareMin = valueMin * valueMin

    @inline(__always)
    private func rescaling<A: Choice>(_ old: Float, _ new: Float, _: A.Type, _ hasRoots: Bool) -> Float {
        if hasRoots { return A.isOn ? old / new : (old / new) * (old / new) }
        let scale = new / old
        return sluicePower(scale * scale, power.norm)
    }

    @inline(__always)
    private func rate<A: Choice, N: Choice>(
        _ row: UnsafeMutablePointer<Float>, _ normColumn: Int, _: A.Type, _: N.Type, _ hasRoots: Bool
    ) -> Float {
        var rate: Float = 1
        // Vowpal Wabbit takes the processor's approximate inverse root, which is not the same on every machine; this
        // one is.
        if A.isOn { rate = unsafe hasRoots ? 1 / row[1].squareRoot() : sluicePower(row[1], power.rate) }
        if N.isOn {
            let norm = unsafe row[normColumn]
            if hasRoots {
                let inverse = 1 / norm
                rate *= A.isOn ? inverse : inverse * inverse
            } else {
                rate *= sluicePower(norm * norm, power.norm)
            }
        }
        return rate
    }

    private func sluicePower(_ base: Float, _ exponent: Float) -> Float { VowpalWabbit.power(base, exponent) }

    /// What the mean norm of examples so far makes of a step.
    func normFactor(totalWeight: Float, normalizedSum: Float) -> Float {
        guard isNormalized else { return 1 }
        guard hasSquareRoots else { return sluicePower(normalizedSum / totalWeight, power.norm) }
        let mean = totalWeight / normalizedSum
        return isAdaptive ? mean.squareRoot() : mean
    }

    /// Walks over the features again and moves their weights.
    func apply(_ run: FeatureRun, step: Float) {
        let rateColumn = (isAdaptive ? 1 : 0) + (isNormalized ? 1 : 0) + 1
        let hasRate = isAdaptive || isNormalized
        for k in 0..<run.count {
            let row = unsafe run.row(k)
            let x = unsafe run.values[k]
            guard x.magnitude < .greatestFiniteMagnitude else { continue }
            if isMasked { guard unsafe row[0] != 0 else { continue } }
            unsafe row[0] += step * (hasRate ? x * row[rateColumn] : x)
        }
    }
}
