import Domain
import Scoring
import TestSupport
import Testing

@Suite("Margins are the exact sum of quantised products, whatever shape the examples have")
struct MarginTests {
    private typealias Feature = (index: UInt32, value: Float)
    private static let bits = 8
    private let table = WeightTable(indexCount: 1 << bits)

    init() {
        let all = (0..<UInt32(1 << Self.bits)).map { $0 }
        let edges: [Float] = [0, -0, 600, -600, .nan, .infinity, -.infinity, 3e38, .leastNonzeroMagnitude]
        let weights = all.map { index in
            index < edges.count ? edges[Int(index)] : Float(Int((index &* 2_654_435_761) % 4001) - 2000) / 977
        }
        table.set(all.span, weights.span)
    }

    /// The definition, one feature after the other (docs/FORMAT.md).
    private func margin(_ features: [Feature]) -> Double {
        features.reduce(0) { sum, feature in
            let product = Double(table[feature.index]) * Double(feature.value)
            guard !product.isNaN else { return sum }
            let clamped = min(max(product, -512), 512)
            return sum + (clamped * 0x1p32).rounded(.toNearestOrEven) / 0x1p32
        }
    }

    /// Examples with as many features as `counts` says in turn.
    private func examples(_ counts: [Int], _ count: Int, _ random: inout SeededGenerator) -> [[Feature]] {
        (0..<count).map { e in
            (0..<counts[e % counts.count]).map { _ in
                (UInt32.random(in: 0..<256, using: &random), Float.random(in: -4..<4, using: &random))
            }
        }
    }

    private static let shapes: [[Int]] = [
        [0], [1], [5], [8], [11], [25], [5, 6, 4, 5, 8], [0, 3], [1, 1, 1, 1, 1, 1, 1, 40], [2, 9, 3, 0, 7],
        [600, 2, 2],
    ]

    @Test("short, long and uneven ones, with values and without", arguments: shapes)
    func flat(counts: [Int]) throws {
        var random = SeededGenerator(seed: 5)
        var margins: [Double] = []
        for count in [1, 2, 7, 8, 9, 16, 100] {
            for hasValues in [true, false] {
                let examples = examples(counts, count, &random).map { $0.map { ($0.index, hasValues ? $0.value : 1) } }
                let all = examples.flatMap { $0 }
                try table.score(
                    offsets: offsets(examples), indices: all.map(\.0), values: hasValues ? all.map(\.1) : [],
                    featuresMax: 4096, into: &margins)
                #expect(Array(margins.prefix(count)) == examples.map(margin), "\(count) examples, values \(hasValues)")
            }
        }
    }

    @Test("candidates behind a context are what they are written out", arguments: shapes)
    func candidates(counts: [Int]) throws {
        var random = SeededGenerator(seed: 6)
        var margins: [Double] = []
        for shared in [0, 1, 20, 200] {
            for hasValues in [true, false] {
                let context = examples([shared], 1, &random)[0].map { ($0.index, hasValues ? $0.value : 1) }
                let examples = examples(counts, 21, &random)
                let all = examples.flatMap { $0 }
                try table.score(
                    offsets: offsets(examples), indices: all.map(\.0), values: all.map(\.1),
                    of: (context.map(\.0), hasValues ? context.map(\.1) : []), featuresMax: 4096, into: &margins)
                #expect(Array(margins.prefix(21)) == examples.map { margin(context + $0) })
            }
        }
    }

    @Test("a context counts for the features a candidate may have, and is checked as they are")
    func refused() {
        var margins: [Double] = []
        func problem(_ context: [UInt32], _ values: [Float] = [], candidate: [UInt32]) -> TensorError? {
            do throws(TensorError) {
                try table.score(
                    offsets: [0, UInt32(candidate.count)], indices: candidate, values: [], of: (context, values),
                    featuresMax: 10, into: &margins)
                return nil
            } catch { return error }
        }
        #expect(problem([1, 2], candidate: Array(0..<8)) == nil)
        #expect(problem([1, 2], candidate: Array(0..<9)) == .tooManyFeatures(example: 0, count: 11, limit: 10))
        #expect(problem([1, 256], candidate: [1]) == .context(.indexTooLarge(at: 1, index: 256, limit: 256)))
        #expect(problem([1, 2], [1, .nan], candidate: [1]) == .context(.valueOutOfRange(at: 1)))
        #expect(problem([1], candidate: [1, 300]) == .indexTooLarge(at: 1, index: 300, limit: 256))
    }

    private func offsets(_ examples: [[Feature]]) -> [UInt32] {
        examples.reduce(into: [0]) { $0.append($0.last! + UInt32($1.count)) }
    }
}
