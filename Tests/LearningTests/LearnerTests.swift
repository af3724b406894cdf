import Domain
import Features
import Foundation
import Learning
import TestSupport
import Testing

/// The published rules, one feature at a time, in the plainest Swift.
struct ReferenceLearner {
    let rule: ModelSpec.Learner
    var rows: [UInt32: (first: Float, second: Float)] = [:]

    func weight(_ index: UInt32) -> Float {
        let row = rows[index] ?? (0, 0)
        switch rule {
        case .ftrl(let alpha, let beta, let l1, let l2):
            guard row.first.magnitude > l1 else { return 0 }
            let pulled = row.first - (row.first < 0 ? -l1 : l1)
            return -pulled / ((beta + row.second.squareRoot()) * (1 / alpha) + l2)
        case .adagrad: return row.first
        case .nag: preconditionFailure("NormalizedTests has its reference")
        }
    }

    mutating func learn(_ features: [(index: UInt32, value: Float)], label: Float, importance: Float) -> Double {
        let weights = features.map { weight($0.index) }
        var margin = 0.0
        for (k, feature) in features.enumerated() {
            let product = min(max(Double(weights[k]) * Double(feature.value), -512), 512)
            margin += (product * 4_294_967_296).rounded(.toNearestOrEven) / 4_294_967_296
        }
        let residual = Float(Double(importance) * (1 / (1 + exp(-margin)) - Double(label)))
        for (k, feature) in features.enumerated() {
            var row = rows[feature.index] ?? (0, 0)
            let gradient = residual * feature.value
            guard gradient != 0 else { continue }
            switch rule {
            case .ftrl(let alpha, _, _, _):
                let sum = row.second + gradient * gradient
                let step = gradient * gradient / (sum.squareRoot() + row.second.squareRoot()) * (1 / alpha)
                row.first += gradient - step * weights[k]
                row.second = sum
            case .adagrad(let rate):
                row.second += gradient * gradient
                row.first -= rate * gradient / row.second.squareRoot()
            case .nag: preconditionFailure("NormalizedTests has its reference")
            }
            rows[feature.index] = row
        }
        return margin
    }
}

func randomBatch(_ generator: inout SeededGenerator, examples: Int, indices: UInt32, features: ClosedRange<Int>)
    -> ExampleBatch
{
    var batch = ExampleBatch()
    for _ in 0..<examples {
        let count = Int.random(in: features, using: &generator)
        batch.append(
            label: Bool.random(using: &generator) ? 1 : 0,
            importance: Bool.random(using: &generator) ? 1 : Float.random(in: 0.1...5, using: &generator),
            indices: (0..<count).map { _ in UInt32.random(in: 0..<indices, using: &generator) },
            values: (0..<count).map { _ in
                Bool.random(using: &generator) ? 1 : Float.random(in: -3...3, using: &generator)
            })
    }
    return batch
}

@Suite("Learning is the published rule, in order, with every option on")
struct LearnerTests {
    @Test(
        "margins and weights equal the plain reference, rows repeated within an example included",
        arguments: [
            .ftrl(alpha: 0.4, beta: 1, l1: 0, l2: 0), .ftrl(alpha: 0.1, beta: 0.5, l1: 0.02, l2: 0.3),
            .ftrl(alpha: 1, beta: 0, l1: 0, l2: 0), .adagrad(rate: 0.1),
        ] as [ModelSpec.Learner], [UInt64(1), 2, 3])
    func reference(rule: ModelSpec.Learner, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var spec = ModelSpec()
        spec.bits = 6
        spec.learner = rule
        var learner = Learner(spec)
        var reference = ReferenceLearner(rule: rule)
        for _ in 0..<20 {
            let batch = randomBatch(&generator, examples: 17, indices: 64, features: 0...23)
            learner.learn(batch)
            for e in 0..<batch.exampleCount {
                let margin = reference.learn(
                    batch.features(of: e), label: batch.labels[e], importance: batch.importances[e])
                // The reference takes its exp from the C library, ours is our own: residuals may differ in the last bit.
                #expect(abs(learner.margins[e] - margin) < 1e-5 * max(1, abs(margin)))
            }
        }
        var weights = [Float](repeating: 0, count: 64)
        var span = weights.mutableSpan
        learner.rows.weights(0..<64, into: &span)
        for index in 0..<64 { #expect(abs(weights[index] - reference.weight(UInt32(index))) < 1e-4) }
    }

    @Test("any cut into batches gives the same bits", arguments: [UInt64(4), 5, 6])
    func cuts(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let batch = randomBatch(&generator, examples: 200, indices: 512, features: 1...40)
        var spec = ModelSpec()
        spec.bits = 9
        var whole = Learner(spec)
        whole.learn(batch)
        var cut = Learner(spec)
        var at = 0
        while at < 200 {
            let end = min(200, at + Int.random(in: 1...30, using: &generator))
            cut.learn(batch, at..<end)
            at = end
        }
        #expect(bits(of: whole) == bits(of: cut))
        #expect(whole.validation.total == cut.validation.total)
        #expect(whole.validation.auc == cut.validation.auc)
    }

    @Test("an example that is already certain changes nothing")
    func zeroGradient() {
        var spec = ModelSpec()
        spec.bits = 4
        spec.learner = .adagrad(rate: 0.5)
        var learner = Learner(spec)
        var batch = ExampleBatch()
        batch.append(label: 1, importance: 65536, indices: [3], values: [1_000_000])
        learner.learn(batch)
        let before = bits(of: learner)
        learner.learn(batch)
        #expect(learner.margins[0] == 512)
        #expect(learner.clampedCount == 1)
        #expect(bits(of: learner) == before)
    }

    @Test("rows a batch touches are the dirty ones, in rising order, once")
    func dirtyRows() {
        var generator = SeededGenerator(seed: 7)
        var dirty = DirtyRows(rowCount: 1 << 20)
        var expected: Set<UInt32> = []
        for _ in 0..<3 {
            let batch = randomBatch(&generator, examples: 50, indices: 1 << 20, features: 1...30)
            dirty.mark(batch)
            for e in 0..<50 { expected.formUnion(batch.features(of: e).map(\.index)) }
        }
        var drained: [UInt32] = []
        dirty.drain(into: &drained)
        #expect(drained == expected.sorted())
        drained = []
        dirty.drain(into: &drained)
        #expect(drained.isEmpty)
    }

    private func bits(of learner: borrowing Learner) -> [UInt32] {
        var weights = [Float](repeating: 0, count: learner.spec.indexCount)
        var span = weights.mutableSpan
        learner.rows.weights(0..<learner.spec.indexCount, into: &span)
        return weights.map(\.bitPattern)
    }
}

@Suite("Own exp and logarithm are right to the last bits")
struct SigmoidTests {
    @Test("exp, logarithm and loss agree with the C library to 4 units in the last place")
    func precision() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<20_000 {
            let x = -Double.random(in: 0...600, using: &generator)
            #expect(abs(exponential(ofNonPositive: x) / exp(x) - 1) < 9e-16)
            let e = Double.random(in: 0...1, using: &generator)
            #expect(abs(logarithm(ofOnePlus: e) - log1p(e)) <= 9e-16 * log1p(e))
        }
        #expect(exponential(ofNonPositive: 0) == 1)
        #expect(exponential(ofNonPositive: -.infinity) < 1e-300)
        #expect(sigmoid(0) == 0.5)
        #expect(sigmoid(1000) == 1)
        #expect(logLoss(margin: 0, label: 1) == 0.693_147_180_559_945_3)
        #expect(abs(logLoss(margin: 30, label: 0) - 30) < 1e-12)
    }
}
