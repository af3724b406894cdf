/// Weights and the rule that changes them: one example at a time, in order.
///
/// - Source: Vowpal Wabbit's `gd.cc`, `ftrl.cc`, `freegrad.cc`, `scorer.cc`.
package struct Learner: ~Copyable {
    package let options: VWOptions
    package var weights: WeightRows
    package var state = RunState()
    /// Falls from pass to pass where that is asked for.
    package var learningRate: Float
    private let gradient: GradientRule
    private let isRegularized: Bool
    /// Whether predictions are of truncated weights.
    private let truncates: Bool

    package init(_ options: VWOptions) throws(VWError) {
        self.options = options
        weights = try WeightRows(bits: options.bits, rowShift: options.rowShift)
        gradient = GradientRule(
            isAdaptive: options.isAdaptive, isNormalized: options.isNormalized,
            power: (-options.powerT, options.powerT - 1), isMasked: options.featureMask != nil)
        learningRate = options.learningRate
        isRegularized = options.isRegularized
        truncates = options.isRegularized && options.l1 > 0
        state.t = Double(options.initialT ?? 0)
        state.initialT = options.initialT ?? 0
        if options.rule == .gradient {
            if let given = options.initialT, given > 0, options.isAdaptive || options.isNormalized {
                (state.normalizedSum, state.totalWeight) = (Double(given), Double(given))
            }
            if !options.isAdaptive && !options.isNormalized {
                learningRate *= power(Float(state.t), options.powerT)
            }
        }
        limitPredictions()
        setRangeOfLoss()
        if case .every(let count) = options.progress { state.nextReport = count }
        setInitialWeights()
    }

    /// What is set on the command line stands over what a model says.
    package mutating func limitPredictions() {
        state.rangeFollowsLabels = options.learns && options.minPrediction == nil && options.maxPrediction == nil
        if let least = options.minPrediction { state.range.min = least }
        if let most = options.maxPrediction { state.range.max = most }
    }

    /// The loss's own range stands only where nothing else sets one.
    mutating func setRangeOfLoss() {
        if state.rangeFollowsLabels, let range = options.loss.predictionRange { state.range = range }
    }

    private mutating func setInitialWeights() {
        let initialT = options.rule == .gradient && options.isAdaptive ? state.initialT : 0
        if initialT > 0 { for index in 0..<weights.indexCount { weights[index, 1] = initialT } }
        var random = options.randomSeed
        switch options.initialWeights {
        case .zero: break
        case .same(let weight): for index in 0..<weights.indexCount { weights[index, 0] = weight }
        case .normal:
            for index in 0..<weights.indexCount {
                weights[index, 0] = normalWeight(UInt64(index) << UInt64(options.rowShift))
            }
        case .random: for index in 0..<weights.indexCount { weights[index, 0] = nextRandom(&random) - 0.5 }
        case .randomPositive: for index in 0..<weights.indexCount { weights[index, 0] = 0.1 * nextRandom(&random) }
        }
        if options.initialConstant != 0 && options.rule == .gradient {
            weights[11_650_396 & (weights.indexCount - 1), 0] = options.initialConstant
        }
    }

    /// The sum over an example's features, as it stands.
    package func predict(_ examples: borrowing ExpandedExamples, _ example: Int, initial: Float) -> Float {
        let gravity = Float(state.gravity)
        var margin = examples.withRun(example, weights) { [truncates] in
            truncates ? $0.margin(initial, gravity: gravity) : $0.margin(initial)
        }
        if options.rule == .gradient { margin *= Float(state.contraction) }
        return margin
    }

    /// A margin as it is told: inside the range, 0 where it is not a number.
    package func cut(_ margin: Float) -> Float {
        margin.isNaN ? 0 : margin > state.range.max ? state.range.max : max(margin, state.range.min)
    }

    /// Widens the range that predictions are cut to.
    package mutating func see(label: Float) {
        guard state.rangeFollowsLabels else { return }
        state.range.min = min(state.range.min, label)
        if label != ParsedExamples.noLabel { state.range.max = max(state.range.max, label) }
    }

    /// Whether the rule makes an example's weights, and so its prediction, only as it learns.
    package var predictsAsItLearns: Bool { options.rule != .gradient && options.rule != .ftrl }

    /// The margin of such a rule before it learns the example.
    package mutating func predictToLearn(_ examples: borrowing ExpandedExamples, _ example: Int, importance: Float)
        -> Float
    {
        let (alpha, beta) = (options.alpha, options.beta)
        switch options.rule {
        case .pistol: return examples.withRun(example, weights) { predictPistol($0, alpha: alpha, beta: beta) }
        case .freegrad:
            state.totalWeight += Double(importance)
            return examples.withRun(example, weights) { predictFreeGrad($0) }
        case .coin:
            let (margin, norm) = examples.withRun(example, weights) { predictCoin($0, alpha: alpha) }
            state.normalizedSum += Double(importance) * Double(norm)
            state.totalWeight += Double(importance)
            return margin / meanNorm
        case .gradient, .ftrl: preconditionFailure("these rules predict without learning")
        }
    }

    private var meanNorm: Float { Float((state.normalizedSum + 1e-6) / state.totalWeight) }

    /// Learns an example whose label and importance are known to be good.
    ///
    /// - Parameters:
    ///   - prediction: what was predicted for it just now, cut.
    ///   - loss: of that prediction; where it is 0 nothing is learned by the gradient.
    /// - Returns: whether its values are within what floats hold.
    package mutating func learn(
        _ examples: borrowing ExpandedExamples, _ example: Int, prediction: Float, loss: Float, label: Float,
        importance: Float
    ) -> LearnOutcome {
        let (alpha, beta) = (options.alpha, options.beta)
        guard options.rule != .gradient else {
            return loss > 0 ? learnGradient(examples, example, prediction, label, importance) : LearnOutcome()
        }
        let slope = options.loss.slope(prediction, label, state.range)
        switch options.rule {
        case .ftrl:
            let (l1, l2) = (options.l1, options.l2)
            examples.withRun(example, weights) {
                learnFTRL($0, slope: slope * importance, alpha: alpha, beta: beta, l1: l1, l2: l2)
            }
        case .pistol: examples.withRun(example, weights) { learnPistol($0, slope: slope * importance) }
        case .coin:
            let meanNorm = meanNorm
            examples.withRun(example, weights) {
                learnCoin($0, slope: slope * importance, alpha: alpha, beta: beta, meanNorm: meanNorm)
            }
        case .freegrad:
            examples.withRun(example, weights) { learnFreeGrad($0, slope: slope, importance: importance) }
        case .gradient: break
        }
        return LearnOutcome()
    }

    /// What a step had that is worth a warning.
    package struct LearnOutcome {
        package var isTooLarge = false
        package var isNaN = false
    }

    private mutating func learnGradient(
        _ examples: borrowing ExpandedExamples, _ example: Int, _ prediction: Float, _ label: Float, _ importance: Float
    ) -> LearnOutcome {
        let loss = options.loss
        var outcome = LearnOutcome()
        let odds = loss.odds(prediction, label)
        let squaredGradient = loss.squaredGradient(prediction, label, odds: odds)
        let (sensitivity, isTooLarge) = sensitivity(examples, example, importance, importance * squaredGradient)
        outcome.isTooLarge = isTooLarge
        var scale = learningRate * importance
        if !options.isAdaptive {
            scale *= power(
                Float(state.t + Double(importance) - state.heldOutWeight - state.unlabeledWeight), -options.powerT)
        }
        var step =
            options.isInvariant
            ? loss.step(prediction, label, scale, sensitivity, odds: odds) : loss.plainStep(prediction, label, scale)
        if isRegularized && step.magnitude > 1e-8 {
            regularize(&step, loss.slope(prediction, label, state.range))
        }
        if step.isNaN { (outcome.isNaN, step) = (true, 0) }
        if step != 0 {
            if options.isNormalized { step *= normFactor }
            examples.withRun(example, weights) { gradient.apply($0, step: step) }
        }
        if state.contraction < 1e-9 || state.gravity > 1e3 { settle() }
        return outcome
    }

    /// What the normalised rule's steps are multiplied with; of the example that it was computed for last.
    private var normFactor: Float = 1

    private mutating func sensitivity(
        _ examples: borrowing ExpandedExamples, _ example: Int, _ importance: Float, _ squaredGradient: Float
    ) -> (Float, isTooLarge: Bool) {
        guard options.isAdaptive || options.isNormalized else {
            return (examples.withRun(example, weights) { $0.sumOfSquares() } + examples.squaresLeftOut(example), false)
        }
        guard squaredGradient != 0 else { return (1, false) }
        let found = examples.withRun(example, weights) { gradient.prepare($0, squaredGradient: squaredGradient) }
        guard options.isNormalized else { return (found.sensitivity, false) }
        state.normalizedSum += Double(importance) * Double(found.normSquared)
        state.totalWeight += Double(importance)
        normFactor = gradient.normFactor(
            totalWeight: Float(state.totalWeight), normalizedSum: Float(state.normalizedSum))
        return (found.sensitivity * normFactor, found.isTooLarge)
    }

    /// Regularisation without a walk over all weights: what it would have done to each is kept in two numbers.
    private mutating func regularize(_ step: inout Float, _ slope: Float) {
        let rate = Double(slope).magnitude > 1e-8 ? Double(-step / slope) : 0
        if Double(slope).magnitude > 1e-8 { state.contraction *= 1 - Double(options.l2) * rate }
        step /= Float(state.contraction)
        state.gravity += rate * Double(options.l1)
    }

    /// Does to the weights what regularisation has put off.
    package mutating func settle() {
        guard state.gravity != 0 || state.contraction != 1 else { return }
        weights.settle(gravity: Float(state.gravity), contraction: Float(state.contraction))
        (state.gravity, state.contraction) = (0, 1)
    }
}

extension VWOptions {
    /// Floats of a row in memory, as a power of two: as in Vowpal Wabbit, whose random weights depend on it.
    var rowShift: Int {
        switch rule {
        case .gradient: isAdaptive || isNormalized ? 2 : 0
        case .ftrl, .pistol: 2
        case .coin, .freegrad: 3
        }
    }

    /// Floats of a row that a model has, where learning can go on with it.
    package var savedColumnCount: Int {
        switch rule {
        case .gradient: 1 + (isAdaptive ? 1 : 0) + (isNormalized ? 1 : 0)
        case .ftrl: 3
        case .pistol: 4
        case .coin, .freegrad: 6
        }
    }
}

/// The next of Vowpal Wabbit's random numbers, in 0 ..< 1. Source: its `rand48.h`.
private func nextRandom(_ state: inout UInt64) -> Float {
    state = state &* 0xeece_66d5_deec_e66d &+ 2_147_483_647
    return Float(bitPattern: UInt32(state >> 25 & 0x7F_FFFF) | 127 << 23) - 1
}

/// A normal weight by its place (Marsaglia's polar method).
private func normalWeight(_ place: UInt64) -> Float {
    var state = place
    while true {
        let x = 2 * nextRandom(&state) - 1
        let y = 2 * nextRandom(&state) - 1
        let square = x * x + y * y
        if square < 1 && square != 0 { return x * (-2 * logarithm(square) / square).squareRoot() }
    }
}
