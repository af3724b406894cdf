import Domain
import Fitting
import Foundation
import TestSupport
import Testing

@Suite("MDL bins are Fayyad's and Irani's")
struct MDLTests {
    /// The rule as the paper states it, written for clarity: every cut between distinct numbers, counted anew each time.
    struct Reference {
        func edges(_ examples: [(value: Float, isPositive: Bool)]) -> [Float] {
            let values = Set(examples.map(\.value)).sorted()
            var best: (entropy: Double, left: Float, right: Float)?
            for (a, b) in zip(values, values.dropFirst()) {
                let (low, high) = (examples.filter { $0.value <= a }, examples.filter { $0.value > a })
                let mean =
                    (Double(low.count) * entropy(low) + Double(high.count) * entropy(high)) / Double(examples.count)
                if mean < (best?.entropy ?? .infinity) - 1e-12 { best = (mean, a, b) }
            }
            guard let best else { return [] }
            let low = examples.filter { $0.value <= best.left }
            let high = examples.filter { $0.value > best.left }
            let count = Double(examples.count)
            let gain = entropy(examples) - best.entropy
            let delta =
                log2(pow(3, classes(examples)) - 2)
                - (classes(examples) * entropy(examples) - classes(low) * entropy(low) - classes(high) * entropy(high))
            guard gain > (log2(count - 1) + delta) / count else { return [] }
            return edges(low) + [best.left / 2 + best.right / 2] + edges(high)
        }

        func classes(_ examples: [(value: Float, isPositive: Bool)]) -> Double {
            Double(Set(examples.map(\.isPositive)).count)
        }

        func entropy(_ examples: [(value: Float, isPositive: Bool)]) -> Double {
            [true, false].reduce(0) { sum, label in
                let share = Double(examples.count { $0.isPositive == label }) / Double(examples.count)
                return share > 0 ? sum - share * log2(share) : sum
            }
        }
    }

    @Test("200 random small sets of examples have the edges of a brute-force reference")
    func bruteForce() {
        var random = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &random)
        var generator = SeededGenerator(seed: seed)
        var cutCount = 0
        for _ in 0..<200 {
            let count = Int.random(in: 2...120, using: &generator)
            let spread = Int.random(in: 2...40, using: &generator)
            let bands = Int.random(in: 1...4, using: &generator)
            let examples = (0..<count).map { _ in
                let value = Int.random(in: 0..<spread, using: &generator)
                let isOdd = (value * bands / spread) % 2 == 1
                let isTurned = Int.random(in: 0..<10, using: &generator) == 0
                return (value: Float(value) * 0.75 - 3, isPositive: isOdd != isTurned)
            }
            var summary = ValueSummary()
            for example in examples { summary.add(example.value, isPositive: example.isPositive) }
            let edges = mdlEdges(summary.finished())
            cutCount += edges.count
            #expect(edges == Reference().edges(examples), "seed \(seed)")
        }
        #expect(cutCount > 100, "sets with nothing to cut prove little")
    }

    @Test("numbers beyond what is kept exactly are joined, and no weight is lost")
    func joined() {
        var summary = ValueSummary(runCountMax: 64)
        for k in 0..<10_000 { summary.add(Float((k * 7919) % 10_000), isPositive: k % 3 == 0, weight: 2) }
        let runs = summary.finished()
        #expect(runs.count <= 128)
        #expect(runs.reduce(0) { $0 + $1.weight } == 20_000)
        for (a, b) in zip(runs, runs.dropFirst()) { #expect(a.highest < b.lowest) }
        #expect(runs.allSatisfy { $0.weight <= 20_000 / 8 })
    }

    @Test("an edge lies above the number on its left and not above the one on its right")
    func edges() {
        var summary = ValueSummary()
        let left: Float = 1
        for k in 0..<100 { summary.add(k % 2 == 0 ? left : left.nextUp, isPositive: k % 2 == 1) }
        #expect(mdlEdges(summary.finished()) == [left.nextUp])
    }

    @Test("numbers that are none have no part in the edges")
    func nonFinite() {
        var summary = ValueSummary()
        for value in [Float.nan, .infinity, -.infinity] { summary.add(value, isPositive: true) }
        #expect(summary.finished().isEmpty)
    }

    @Test("bins of equal weight part the examples evenly and never one number")
    func equalFrequency() {
        var summary = ValueSummary()
        for k in 0..<1000 { summary.add(Float(k), isPositive: false) }
        #expect(equalFrequencyEdges(summary.finished(), binCount: 4) == [249.5, 499.5, 749.5])
        var lumped = ValueSummary()
        for k in 0..<1000 { lumped.add(Float(max(900, k)), isPositive: false) }
        #expect(equalFrequencyEdges(lumped.finished(), binCount: 4) == [900.5])
    }
}
