import Testing

/// The rules written a second time, slowly, from their papers: a dictionary of weights, in double.
private struct SlowLearner {
    enum Rule {
        case gradient(adaptive: Bool, normalized: Bool, invariant: Bool)
        case ftrl(l1: Double, l2: Double)
    }
    var rule: Rule
    var rate = 0.5
    var powerT = 0.5
    var isLogistic: Bool
    private var weights: [String: Double] = [:]
    private var squares: [String: Double] = [:]
    private var norms: [String: Double] = [:]
    private var z: [String: Double] = [:]
    private var (sum, total, t) = (0.0, 0.0, 1.0)
    private var (low, high) = (0.0, 0.0)

    init(_ rule: Rule, isLogistic: Bool) {
        (self.rule, self.isLogistic) = (rule, isLogistic)
        if isLogistic { (low, high) = (-50, 50) }
    }

    /// - Returns: what is predicted before the example is learned.
    mutating func learn(_ features: [(String, Double)], label: Double, importance: Double) -> Double {
        if !isLogistic { (low, high) = (min(low, label), max(high, label)) }
        let prediction = min(max(features.reduce(0) { $0 + (weights[$1.0] ?? 0) * $1.1 }, low), high)
        let slope = isLogistic ? -label / (1 + exp(label * prediction)) : 2 * (prediction - label)
        defer { t += importance }
        guard slope != 0 else { return prediction }
        switch rule {
        case .ftrl(let l1, let l2): ftrl(features, slope * importance, l1, l2)
        case .gradient(let adaptive, let normalized, let invariant):
            let sensitivity = prepare(features, importance * slope * slope, importance, adaptive, normalized)
            var scale = rate * importance
            if !adaptive { scale *= power(t + importance - (normalized ? 1 : 0), -powerT) }
            let step =
                invariant
                ? bigStep(prediction, label, scale, sensitivity) : -slope * scale
            let factor = normalized ? (adaptive ? (total / sum).squareRoot() : total / sum) : 1
            for (name, x) in features {
                weights[name, default: 0] += step * factor * x * speed(name, adaptive, normalized)
            }
        }
        return prediction
    }

    /// One step of an example as the limit of very many small ones, each down the gradient where the last one ended.
    private func bigStep(_ prediction: Double, _ label: Double, _ scale: Double, _ sensitivity: Double) -> Double {
        let count = 1000
        var (p, taken) = (prediction, 0.0)
        for _ in 0..<count {
            // Heun's method, so that so many are enough.
            let first = -slope(p, label) * scale / Double(count)
            let second = -slope(p + first * sensitivity, label) * scale / Double(count)
            taken += (first + second) / 2
            p += (first + second) / 2 * sensitivity
        }
        return taken
    }

    private func slope(_ p: Double, _ label: Double) -> Double {
        isLogistic ? -label / (1 + exp(label * p)) : 2 * (p - label)
    }

    private func speed(_ name: String, _ adaptive: Bool, _ normalized: Bool) -> Double {
        let norm = normalized ? norms[name]! : 1
        return (adaptive ? 1 / squares[name]!.squareRoot() : 1) / (adaptive ? norm : norm * norm)
    }

    private mutating func prepare(
        _ features: [(String, Double)], _ squaredGradient: Double, _ importance: Double, _ adaptive: Bool,
        _ normalized: Bool
    ) -> Double {
        var (sensitivity, normSquared) = (0.0, 0.0)
        for (name, x) in features {
            squares[name, default: 0] += squaredGradient * x * x
            if normalized, abs(x) > norms[name] ?? 0 {
                if let old = norms[name] {
                    weights[name, default: 0] *= adaptive ? old / abs(x) : (old / x) * (old / x)
                }
                norms[name] = abs(x)
            }
            if normalized { normSquared += x * x / (norms[name]! * norms[name]!) }
            sensitivity += x * x * speed(name, adaptive, normalized)
        }
        guard normalized else { return sensitivity }
        sum += importance * normSquared
        total += importance
        return sensitivity * (adaptive ? (total / sum).squareRoot() : total / sum)
    }

    private mutating func ftrl(_ features: [(String, Double)], _ slope: Double, _ l1: Double, _ l2: Double) {
        for (name, x) in features {
            let (gradient, old) = (slope * x, squares[name] ?? 0)
            let root = (old + gradient * gradient).squareRoot()
            z[name, default: 0] += gradient - (root - old.squareRoot()) / 0.5 * (weights[name] ?? 0)
            squares[name] = old + gradient * gradient
            let kept = z[name]!
            weights[name] = abs(kept) <= l1 ? 0 : -(kept - (kept < 0 ? -l1 : l1)) / ((1 + root) / 0.5 + l2)
        }
    }
}

/// Sums of powers, so that no library of the product's is in the reference.
private func exp(_ x: Double) -> Double {
    if abs(x) > 0.5 {
        let half = exp(x / 2)
        return half * half
    }
    var (term, sum) = (1.0, 1.0)
    for k in 1..<24 {
        term *= x / Double(k)
        sum += term
    }
    return sum
}

/// Only ½ and 0 are asked for.
private func power(_ base: Double, _ exponent: Double) -> Double { exponent == 0 ? 1 : 1 / base.squareRoot() }

@Suite("Each rule is the paper's, computed a second way")
struct RuleTests {
    struct Rule: Sendable, CustomTestStringConvertible {
        var options: String
        var adaptive = true, normalized = true, invariant = true
        var l1 = 0.0, l2 = 0.0
        var isFTRL = false
        var rate = 0.5
        var testDescription: String { options }
    }

    static let rules = [
        Rule(options: ""), Rule(options: "--adaptive --invariant -l 0.5", normalized: false),
        Rule(options: "--adaptive --normalized", invariant: false),
        Rule(options: "--sgd -l 0.1", adaptive: false, normalized: false, invariant: false, rate: 0.1),
        Rule(options: "--ftrl", isFTRL: true),
        Rule(options: "--ftrl --l1 0.05 --l2 0.3", l1: 0.05, l2: 0.3, isFTRL: true),
    ]

    @Test("predictions of 200 random examples", arguments: rules, ["squared", "logistic"])
    func predictions(_ rule: Rule, _ loss: String) async throws {
        var random = Repeatable(state: 7)
        var slow = SlowLearner(
            rule.isFTRL
                ? .ftrl(l1: rule.l1, l2: rule.l2)
                : .gradient(adaptive: rule.adaptive, normalized: rule.normalized, invariant: rule.invariant),
            isLogistic: loss == "logistic")
        slow.rate = rule.rate
        var (text, expected): (String, [Double]) = ("", [])
        for _ in 0..<200 {
            var features: [(String, Double)] = []
            for name in ["p", "q", "r", "s", "t", "u"] where random.next() % 2 == 0 {
                features.append((name, Double(Int(random.next() % 8) - 3) / 2))
            }
            features.removeAll { $0.1 == 0 }
            let label = Double(random.next() % 2) * 2 - 1
            let importance = Double(1 + random.next() % 3)
            text += "\(label) \(importance) |a " + features.map { "\($0.0):\($0.1)" }.joined(separator: " ") + "\n"
            expected.append(slow.learn(features + [("", 1)], label: label, importance: importance))
        }
        let folder = try Folder()
        try folder.write(text, to: "examples")
        try await folder.run("-d @examples --loss_function \(loss) \(rule.options) -r @raw --quiet")
        let found = try folder.predictions("raw")
        try #require(found.count == expected.count)
        for (k, (ours, theirs)) in zip(found, expected).enumerated() {
            let cut = loss == "logistic" ? ours : min(max(ours, -1), 1)
            #expect(abs(Double(cut) - min(max(theirs, -50), 50)) < 2e-3 * max(1, abs(theirs)), "example \(k + 1)")
        }
    }
}

/// Numbers that are the same on every run.
struct Repeatable {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}
