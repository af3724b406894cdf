package import Features

/// Progressive validation: each example is scored before it is learned, and the scores are summed in the log's order.
///
/// Sums are doubles added in order, so every node that sees the same log tells the same last bit.
/// - Source: Blum, Kalai, Langford 1999 (progressive validation); He et al. 2014 (normalised entropy).
package struct Validation: Sendable {
    /// Weighted sums; every mean is one divided by `weight`.
    package struct Sums: Sendable, Equatable {
        package var weight = 0.0
        package var loss = 0.0
        package var label = 0.0
        package var prediction = 0.0

        package init() {}

        /// Mean log loss in nats; NaN before the first example.
        package var logLoss: Double { loss / weight }
        /// Sum of predictions over sum of labels; 1 is calibrated.
        package var calibration: Double { prediction / label }
        package var labelRate: Double { label / weight }
        /// Mean log loss over the entropy of the mean label rate; below 1 the model knows more than the rate.
        package var normalisedEntropy: Double {
            let p = labelRate
            let negative = -agreeingLog(p) * p
            return logLoss / (negative - agreeingLog(1 - p) * (1 - p))
        }

        package static func - (a: Sums, b: Sums) -> Sums {
            var c = a
            c.weight -= b.weight
            c.loss -= b.loss
            c.label -= b.label
            c.prediction -= b.prediction
            return c
        }
    }

    /// All examples so far.
    package private(set) var total = Sums()
    /// The last examples, each weighing less by `decay` with every one that follows: about the last 65536.
    package private(set) var window = Sums()

    private static let decay = 1 - 1.0 / 65536
    /// Margins from -16 to 16 in steps of 1/128, for the area under the curve.
    package static let binCount = 4096
    private var positives = [Double](repeating: 0, count: binCount)
    private var negatives = [Double](repeating: 0, count: binCount)

    package init() {}

    /// Goes on from sums that a commit recorded. The bins of the area under the curve begin anew.
    package init(total: Sums, window: Sums) { (self.total, self.window) = (total, window) }

    /// Scores the examples of `range` by their margins, in order. Both shapes [E] and more; features are not needed.
    package mutating func add(margins: borrowing [Double], _ batch: borrowing ExampleBatch, _ range: Range<Int>) {
        let margins = margins.span
        let labels = batch.labels.span
        let importances = batch.importances.span
        for e in range {
            let margin = margins[e]
            let label = Double(labels[e])
            let importance = Double(importances[e])
            let (probability, logLoss) = score(margin: margin, label: labels[e])
            let loss = importance * logLoss
            let prediction = importance * probability
            total.weight += importance
            total.loss += loss
            total.label += importance * label
            total.prediction += prediction
            window.weight = window.weight * Self.decay + importance
            window.loss = window.loss * Self.decay + loss
            window.label = window.label * Self.decay + importance * label
            window.prediction = window.prediction * Self.decay + prediction
            let place = min(max((margin + 16) * 128, 0), Double(Self.binCount - 1))
            if label > 0.5 { positives[Int(place)] += importance } else { negatives[Int(place)] += importance }
        }
    }

    /// Area under the ROC curve from the bins: two examples in one bin count half. NaN while one class is missing.
    package var auc: Double {
        var below = 0.0
        var area = 0.0
        for bin in 0..<Self.binCount {
            area += positives[bin] * (below + negatives[bin] / 2)
            below += negatives[bin]
        }
        return area / (below * positives.reduce(0, +))
    }
}

/// ln(p) for 0 < p ≤ 1 by way of ln(1 + e); 0 at 0, where it is multiplied by 0.
private func agreeingLog(_ p: Double) -> Double {
    guard p > 0 else { return 0 }
    // p = 1/(1+e) with e in 0...1 when p ≥ 1/2; halve until it is.
    var halvings = 0.0
    var q = p
    while q < 0.5 {
        q *= 2
        halvings += 1
    }
    return -logarithm(ofOnePlus: (1 - q) / q) - halvings * 0.693_147_180_559_945_3
}
