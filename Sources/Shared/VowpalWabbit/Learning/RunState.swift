/// What a run counts: for its reports, and for the models that learning goes on with.
///
/// - Source: Vowpal Wabbit's `shared_data.cc`, `count_label.cc`.
package struct RunState: Sendable {
    /// Weights of examples seen, with those held out; what plain learning rates fall with.
    var t: Double = 0
    var initialT: Float = 0
    var sumOfLosses: Double = 0
    var sumOfLossesSinceReport: Double = 0
    var labeledWeight: Double = 0
    var labeledWeightAtReport: Double = 0
    var unlabeledWeight: Double = 0
    var weightedLabels: Double = 0
    package var exampleCount: UInt64 = 0
    var featureCount: UInt64 = 0
    var currentPass: UInt64 = 0
    /// The weight of examples at which the table gets its next row.
    var nextReport: Float = 1

    /// Smallest and largest label seen, or what is set: predictions are cut there.
    var range: (min: Float, max: Float) = (0, 0)
    /// Whether labels widen it.
    var rangeFollowsLabels = true

    /// What l1 has taken from each weight's magnitude so far, and what l2 has multiplied each with.
    var gravity: Double = 0
    var contraction: Double = 1
    /// Of the normalised rule: sum of the squared norms of examples, each relative to the largest values, and of
    /// their importances.
    var normalizedSum: Double = 0
    var totalWeight: Double = 0

    var heldOutWeight: Double = 0
    var heldOutWeightSinceReport: Double = 0
    var heldOutWeightOfPass: Double = 0
    var heldOutLoss: Double = 0
    var heldOutLossSinceReport: Double = 0
    var heldOutLossOfPass: Double = 0
    var bestHeldOutLoss = Float.greatestFiniteMagnitude
    var passesWithoutBest = 0

    private(set) var firstLabel: Float?
    private(set) var secondLabel: Float?
    private(set) var hasMoreLabels = false

    package var weight: Double { labeledWeight + unlabeledWeight }

    /// Whether the table gets a row now.
    var isReportDue: Bool { weight >= Double(nextReport) }

    mutating func count(label: Float) {
        guard label != ParsedExamples.noLabel, !hasMoreLabels, label != firstLabel, label != secondLabel else { return }
        if firstLabel == nil {
            firstLabel = label
        } else if secondLabel == nil {
            secondLabel = label
        } else {
            hasMoreLabels = true
        }
    }

    mutating func add(_ loss: Float, label: Float, weight: Float, isHeldOut: Bool, featureCount: UInt32) {
        t += Double(weight)
        let isLabeled = label != ParsedExamples.noLabel
        if isHeldOut && isLabeled {
            heldOutWeight += Double(weight)
            heldOutWeightSinceReport += Double(weight)
            heldOutWeightOfPass += Double(weight)
            heldOutLoss += Double(loss)
            heldOutLossSinceReport += Double(loss)
            heldOutLossOfPass += Double(loss)
            return
        }
        if isLabeled {
            labeledWeight += Double(weight)
            weightedLabels += Double(label) * Double(weight)
        } else {
            unlabeledWeight += Double(weight)
        }
        sumOfLosses += Double(loss)
        sumOfLossesSinceReport += Double(loss)
        self.featureCount += UInt64(featureCount)
        exampleCount += 1
    }

    /// Ends a pass of the held-out examples.
    ///
    /// - Returns: whether it was the best so far.
    mutating func endHeldOutPass() -> Bool {
        let loss =
            heldOutWeightOfPass > 0
            ? Float(heldOutLossOfPass / heldOutWeightOfPass) : Float.greatestFiniteMagnitude * 0.5
        (heldOutWeightOfPass, heldOutLossOfPass) = (0, 0)
        guard loss < bestHeldOutLoss else {
            passesWithoutBest += 1
            return false
        }
        (bestHeldOutLoss, passesWithoutBest) = (loss, 0)
        return true
    }

    /// What a loaded model counted is forgotten, so that the reports are about this run.
    mutating func resetCounters() {
        (sumOfLosses, sumOfLossesSinceReport) = (0, 0)
        (labeledWeight, weightedLabels, unlabeledWeight, labeledWeightAtReport) = (0, 0, 0, 0)
        (exampleCount, featureCount, currentPass) = (0, 0, 0)
    }

    /// The constant prediction with the least loss, and that loss, where there is a formula for it.
    func bestConstant(_ loss: VWLoss) -> (constant: Float, loss: Float?)? {
        guard let firstLabel else { return nil }
        var (low, high) = (firstLabel, secondLabel ?? 0)
        if low > high { swap(&low, &high) }
        guard low != high else { return nil }
        let lowWeight = Float(weightedLabels - Double(high) * labeledWeight) / (low - high)
        let highWeight = Float(labeledWeight) - lowWeight
        guard lowWeight + highWeight > 0 else { return nil }
        let constant: Float
        switch loss {
        case .squared, .classic: constant = Float(weightedLabels) / Float(labeledWeight)
        case _ where hasMoreLabels: return nil
        case .hinge: constant = highWeight <= lowWeight ? -1 : 1
        case .logistic:
            (low, high) = (-1, 1)
            constant = lowWeight <= 0 ? 1 : highWeight <= 0 ? -1 : logarithm(highWeight / lowWeight)
        case .quantile(let tau): constant = tau * (lowWeight + highWeight) < highWeight ? high : low
        case .expectile, .poisson: return nil
        }
        guard !hasMoreLabels else { return (constant, nil) }
        var sum = lowWeight > 0 ? loss.loss(constant, low, range) * lowWeight : 0
        sum += highWeight > 0 ? loss.loss(constant, high, range) * highWeight : 0
        return (constant, sum / (lowWeight + highWeight))
    }
}
