import Domain
import Features
import Foundation
import Learning
import TestSupport
import Testing

/// Rule nag in the plainest Swift, with the C library's functions.
///
/// - Source: Ross, Mineiro and Langford 2013, algorithm 2; Karampatziakis and Langford 2011, table 1.
private struct ReferenceNormalized {
    struct Row {
        var weight: Float = 0
        var squares: Float = 0
        var largest: Float = 0

        var rate: Double { 1 / (Double(squares).squareRoot() * Double(largest)) }
    }

    let rate: Double
    var rows: [UInt32: Row] = [:]
    var squares = 0.0
    var importances = 0.0

    mutating func learn(_ features: [(index: UInt32, value: Float)], label: Float, importance: Double) -> Double {
        let margin = features.reduce(0) { $0 + Double(rows[$1.index]?.weight ?? 0) * Double($1.value) }
        let y = label == 1 ? 1.0 : -1
        let p = min(max(margin, -50), 50)
        // Nothing is learned where a Float holds no loss.
        guard Float(1) + Float(exp(-y * p)) > 1 else { return margin }
        let gradient = 1 / (1 + exp(y * p))
        var (sensitivity, norm) = (0.0, 0.0)
        for (index, value) in features {
            var row = rows[index] ?? Row()
            let x = Double(abs(value))
            row.squares += Float(importance * gradient * gradient * x * x)
            if abs(value) > row.largest {
                if row.largest > 0 { row.weight *= row.largest / abs(value) }
                row.largest = abs(value)
            }
            rows[index] = row
            norm += x * x / Double(row.largest * row.largest)
            sensitivity += x * x * row.rate
        }
        squares += importance * norm
        importances += importance
        guard !features.isEmpty else { return margin }
        let factor = (importances / squares).squareRoot()
        // How far the margin moves: m with m = h·η·s / (1 + e^(y·(p + m))), integrated over the example's importance.
        let x = rate * importance * sensitivity * factor + y * p + exp(y * p)
        let w = lambert(x)
        let step = -(w - x + y * p) / (sensitivity * factor) * y * factor
        for (index, value) in features {
            rows[index]!.weight += Float(step * Double(value) * rows[index]!.rate)
        }
        return margin
    }
}

/// W(eˣ) by one step of Fritsch, Shafer and Crowley (1973) from a rough start, as Vowpal Wabbit has it.
private func lambert(_ x: Double) -> Double {
    let w = x >= 1 ? 0.86 * x + 0.01 : exp(0.8 * x - 0.65)
    let z = x - log(w) - w
    let q = 2 * (1 + w) * (1 + w + 2 * z / 3)
    return w * (1 + z / (1 + w) * (q - z) / (q - 2 * z))
}

@Suite("Rule nag is the published one, and goes on from what it keeps")
struct NormalizedTests {
    private let spec: ModelSpec = {
        var spec = ModelSpec()
        (spec.bits, spec.learner) = (8, .nag(rate: 0.5))
        return spec
    }()

    @Test("margins and sums are the reference's", arguments: [UInt64(1), 2, 3])
    func reference(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var learner = Learner(spec)
        var reference = ReferenceNormalized(rate: 0.5)
        for _ in 0..<30 {
            let batch = randomBatch(&generator, examples: 17, indices: 256, features: 1...23)
            learner.learn(batch)
            for e in 0..<batch.exampleCount {
                let features = batch.features(of: e)
                let margin = reference.learn(
                    features, label: batch.labels[e], importance: Double(batch.importances[e]))
                #expect(abs(learner.margins[e] - margin) < 1e-3 * max(1, abs(margin)), "seed \(seed)")
            }
        }
        #expect(learner.normalization.weight == reference.importances)
        #expect(abs(learner.normalization.squares / reference.squares - 1) < 1e-6)
    }

    @Test(
        "it goes on from rows and sums as if it had never stopped; cuts are nothing to it", arguments: [UInt64(4), 5])
    func goesOn(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let batch = randomBatch(&generator, examples: 200, indices: 256, features: 0...40)
        var whole = Learner(spec)
        whole.learn(batch)

        var first = Learner(spec)
        first.learn(batch, 0..<77)
        let rows = (0..<256).map { UInt32($0) }
        var state = [Float](repeating: 0, count: 3 * 256)
        first.rows.state(at: rows, into: &state)
        var second = Learner(spec)
        second.setState(at: rows, state)
        second.restore(
            exampleCount: 77, validation: first.validation, acceptedLately: 1, windowMax: 1,
            normalization: first.normalization, clampedCount: 0)
        second.learn(batch, 77..<200)
        #expect(second.digest == whole.digest && second.normalization == whole.normalization)
        #expect(second.validation.total == whole.validation.total)

        second.clear()
        #expect(second.digest == Learner(spec).digest && second.normalization == Normalization())
    }

    @Test("an example of importance 6 moves the margin about as far as six of importance 1 in one")
    func importance() {
        func margin(_ importance: Float) -> Double {
            var learner = Learner(spec)
            for _ in 0..<2 {
                var batch = ExampleBatch()
                batch.append(label: 1, importance: importance, indices: [1, 2], values: [1, 0.5])
                learner.learn(batch)
            }
            return learner.margins[0]
        }
        // Never beyond what the label asks for, however much it weighs.
        #expect(margin(1) > 0.1 && margin(6) > margin(1) && margin(1e6) < 20)
    }

    @Test("an example that is certain and right changes nothing, however large its values")
    func certain() {
        func learner(_ last: Float?) -> Learner {
            var learner = Learner(spec)
            for k in 0..<100 {
                var batch = ExampleBatch()
                batch.append(label: Float(k & 1), indices: k & 1 == 1 ? [1, 9] : [2, 9], values: [1, 1])
                learner.learn(batch)
            }
            guard let last else { return learner }
            var batch = ExampleBatch()
            batch.append(label: 1, indices: [1, 9], values: [last, 1])
            learner.learn(batch)
            return learner
        }
        for value in [20, 40, 1000] as [Float] {
            #expect(learner(value).digest == learner(nil).digest)
            #expect(learner(value).normalization == learner(nil).normalization)
        }
    }

    @Test("values of any size and infinite weights leave nothing but numbers")
    func extremes() {
        var learner = Learner(spec)
        for value in [1e-38, .leastNonzeroMagnitude, 3e9, 1, 1e-20, 4e9] as [Float] {
            var batch = ExampleBatch()
            batch.append(label: value > 1 ? 1 : 0, importance: 65_536, indices: [1, 2, 1], values: [value, -value, 1])
            learner.learn(batch)
        }
        var state = [Float](repeating: 0, count: 9)
        learner.rows.state(at: [0, 1, 2], into: &state)
        #expect(state.allSatisfy(\.isFinite) && learner.normalization.isPossible, "\(state)")
    }
}
