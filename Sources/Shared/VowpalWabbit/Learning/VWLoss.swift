internal import Glibc

/// A loss with the steps that Vowpal Wabbit takes down it, in its float arithmetic.
///
/// - Source: Vowpal Wabbit's `loss_functions.cc`; the invariant step is Karampatziakis and Langford 2011,
///   "Online Importance Weight Aware Updates", table 1.
package enum VWLoss: Sendable, Equatable {
    case squared
    case classic
    case hinge
    /// Labels from `min` to `max` stand for chances from 0 to 1.
    case logistic(min: Float, max: Float)
    case quantile(tau: Float)
    case expectile(q: Float)
    case poisson

    /// Smallest and largest prediction, where the labels do not set them.
    var predictionRange: (min: Float, max: Float)? {
        switch self {
        case .logistic, .poisson: (-50, 50)
        default: nil
        }
    }

    func loss(_ prediction: Float, _ label: Float, _ range: (min: Float, max: Float)) -> Float {
        switch self {
        case .squared: return squaredLoss(prediction, label, range)
        case .classic: return (prediction - label) * (prediction - label)
        case .hinge: return max(0, 1 - label * prediction)
        case .logistic(let low, let high):
            return between(label, low, high, log(1 + exp(-prediction)), log(1 + exp(prediction)))
        case .quantile(let tau):
            let error = label - prediction
            return error > 0 ? tau * error : -(1 - tau) * error
        case .expectile(let q): return squaredLoss(prediction, label, range) * weight(q, label - prediction)
        case .poisson:
            return 2 * (label * (log(label + 1e-6) - prediction) - (label - exp(prediction)))
        }
    }

    /// What the logistic loss needs the exponential function for: of the prediction, or at the low label of minus it. 1 for others.
    func odds(_ prediction: Float, _ label: Float) -> Float {
        guard case .logistic(let low, _) = self else { return 1 }
        return exp(label == low ? -prediction : prediction)
    }

    /// How far to go along the features: the step of an example of that importance, as if it were taken in many small
    /// ones.
    ///
    /// - Parameters:
    ///   - scale: learning rate times importance.
    ///   - sensitivity: how much the prediction moves for a step of 1.
    ///   - odds: `odds` of this prediction and label.
    func step(_ prediction: Float, _ label: Float, _ scale: Float, _ sensitivity: Float, odds: Float) -> Float {
        switch self {
        case .squared: return squaredStep(prediction, label, scale, sensitivity)
        case .classic: return 2 * (label - prediction) * scale
        case .hinge:
            guard label * prediction < 1 else { return 0 }
            let error = 1 - label * prediction
            return label * (scale * sensitivity < error ? scale : error / sensitivity)
        case .logistic(let low, let high):
            return between(
                label, low, high, logisticStep(prediction, 1, scale, sensitivity, odds),
                logisticStep(prediction, -1, scale, sensitivity, label == low ? odds : 1 / odds))
        case .quantile(let tau):
            let error = label - prediction
            guard error != 0 else { return 0 }
            let size = (error > 0 ? tau : tau - 1) * scale
            return abs(size * sensitivity) < abs(error) ? size : error / sensitivity
        case .expectile(let q):
            return squaredStep(prediction, label, weight(q, label - prediction) * scale, sensitivity)
        case .poisson:
            let expected = exp(prediction)
            guard label > 0 else { return -log1p(expected * scale * sensitivity) / sensitivity }
            return label * scale - log1p(expected * expm1(label * scale * sensitivity) / label) / sensitivity
        }
    }

    /// The step down the gradient alone.
    func plainStep(_ prediction: Float, _ label: Float, _ scale: Float) -> Float {
        switch self {
        case .squared, .classic: 2 * (label - prediction) * scale
        case .hinge: label * prediction >= 1 ? 0 : label * scale
        case .logistic(let low, let high):
            between(label, low, high, scale / (1 + exp(prediction)), -scale / (1 + exp(-prediction)))
        case .quantile(let tau): label == prediction ? 0 : (label > prediction ? tau : tau - 1) * scale
        case .expectile(let q): 2 * (label - prediction) * (weight(q, label - prediction) * scale)
        case .poisson: (label - exp(prediction)) * scale
        }
    }

    /// The square of the gradient, as it is summed for each weight.
    func squaredGradient(_ prediction: Float, _ label: Float, odds: Float) -> Float {
        switch self {
        case .logistic(let low, let high):
            let slope = between(label, low, high, -1 / (1 + odds), 1 / (1 + (label == low ? odds : 1 / odds)))
            return slope * slope
        case .squared, .classic: return 4 * (prediction - label) * (prediction - label)
        case .expectile(let q):
            let weight = weight(q, label - prediction)
            return 4 * (prediction - label) * (prediction - label) * (weight * weight)
        case .hinge, .quantile, .poisson:
            let slope = slope(prediction, label, (min: -.infinity, max: .infinity))
            return slope * slope
        }
    }

    /// The derivative of the loss by the prediction.
    func slope(_ prediction: Float, _ label: Float, _ range: (min: Float, max: Float)) -> Float {
        switch self {
        case .squared: 2 * (min(max(prediction, range.min), range.max) - label)
        case .classic: 2 * (prediction - label)
        case .hinge: label * prediction >= 1 ? 0 : -label
        case .logistic(let low, let high):
            between(label, low, high, -1 / (1 + exp(prediction)), 1 / (1 + exp(-prediction)))
        case .quantile(let tau): label == prediction ? 0 : label > prediction ? -tau : 1 - tau
        case .expectile(let q):
            2 * (min(max(prediction, range.min), range.max) - label) * weight(q, label - prediction)
        case .poisson: exp(prediction) - label
        }
    }

    /// What a label between both ends comes to; at an end the other is not computed.
    @inline(__always)
    private func between(
        _ label: Float, _ low: Float, _ high: Float, _ atHigh: @autoclosure () -> Float,
        _ atLow: @autoclosure () -> Float
    ) -> Float {
        if label == high { return atHigh() }
        if label == low { return atLow() }
        let chance = (label - low) / (high - low)
        return chance * atHigh() + (1 - chance) * atLow()
    }

    private func weight(_ q: Float, _ error: Float) -> Float { error < 0 ? q : 1 - q }

    /// Straight on beyond what can be predicted, where the prediction is cut.
    private func squaredLoss(_ prediction: Float, _ label: Float, _ range: (min: Float, max: Float)) -> Float {
        if prediction <= range.max && prediction >= range.min { return (prediction - label) * (prediction - label) }
        let edge = prediction < range.min ? range.min : range.max
        guard label != edge else { return 0 }
        let distance = Double((label - edge) * (label - edge))
        return Float(distance + 2 * Double(label - edge) * Double(edge - prediction))
    }

    private func squaredStep(_ prediction: Float, _ label: Float, _ scale: Float, _ sensitivity: Float) -> Float {
        // A first-order step where the difference below would cancel.
        if Double(scale * sensitivity) < 1e-6 { return 2 * (label - prediction) * scale }
        return (label - prediction) * (1 - exp(-2 * scale * sensitivity)) / sensitivity
    }

    private func logisticStep(_ prediction: Float, _ label: Float, _ scale: Float, _ sensitivity: Float, _ d: Float)
        -> Float
    {
        if Double(scale * sensitivity) < 1e-6 { return label * scale / (1 + d) }
        let x = scale * sensitivity + label * prediction + d
        return -(label * lambertOfExpMinus(x) + prediction) / sensitivity
    }

    /// W(exp(x)) − x with W Lambert's function, to less than 9e-5: Vowpal Wabbit's closed form, which predictions
    /// have to agree with.
    private func lambertOfExpMinus(_ x: Float) -> Float {
        let x = Double(x)
        let w = x >= 1 ? 0.86 * x + 0.01 : Double(exp(Float(0.8 * x - 0.65)))
        let r = x >= 1 ? x - log(w) - w : 0.2 * x + 0.65 - w
        let t = 1 + w
        let u = 2 * t * (t + 2 * r / 3)
        return Float(w * (1 + r / t * (u - r) / (u - 2 * r)) - x)
    }
}
