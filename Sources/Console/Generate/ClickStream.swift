/// Generated clicks: Zipf ids, a hidden logistic model whose weights drift, labels drawn from it.
///
/// The same seed gives the same stream on every machine. Seven namespaces: user, ad, publisher, query, two of context
/// and one number.
struct ClickStream {
    private struct Slot {
        var name: String
        var idCount: Double
        var strength: Double
    }

    private static let slots = [
        Slot(name: "user", idCount: 1_000_000, strength: 0.5), Slot(name: "ad", idCount: 50_000, strength: 0.8),
        Slot(name: "pub", idCount: 5000, strength: 0.4), Slot(name: "query", idCount: 200_000, strength: 0.5),
        Slot(name: "hour", idCount: 24, strength: 0.2), Slot(name: "device", idCount: 12, strength: 0.3),
    ]

    private var random: SplitMix64
    private let seed: UInt64
    /// Examples after which the drifting part of every weight has changed wholly.
    private let driftExampleCount: Double
    private var count = 0

    init(seed: UInt64, driftExampleCount: Int) {
        self.seed = seed
        self.driftExampleCount = Double(driftExampleCount)
        random = SplitMix64(state: seed)
    }

    /// Appends one example as a line of Vowpal Wabbit text.
    mutating func appendLine(to text: inout [UInt8]) {
        var margin = -2.0
        var features = ""
        for (k, slot) in Self.slots.enumerated() {
            let id = zipf(slot.idCount)
            margin += slot.strength * weight(slot: k, id: id)
            features += " |\(slot.name) \(id)"
        }
        let price = Double(random.next() % 200) / 100
        margin -= 0.6 * (price - 1)
        features += " |n price:\(price)\n"
        let clicked = random.unit() < 1 / (1 + exponential(-margin))
        text.append(contentsOf: (clicked ? "1" : "-1").utf8)
        text.append(contentsOf: features.utf8)
        count += 1
    }

    /// Bounded Zipf with exponent 1.1, by the inverse of its continuous form.
    private mutating func zipf(_ idCount: Double) -> Int {
        let power = -0.1
        let u = random.unit()
        let x = raise((raise(idCount, power) - 1) * u + 1, 1 / power)
        return min(Int(x), Int(idCount) - 1)
    }

    /// Half of a weight is fixed; half moves from one random value to the next as the stream goes on.
    private func weight(slot: Int, id: Int) -> Double {
        let age = Double(count) / driftExampleCount
        let era = age.rounded(.down)
        let fixed = gaussian(slot, id, 0)
        let before = gaussian(slot, id, UInt64(era) + 1)
        let after = gaussian(slot, id, UInt64(era) + 2)
        return 0.7 * fixed + 0.7 * (before + (after - before) * (age - era))
    }

    /// Roughly normal: the sum of four uniform numbers, centred, of variance 1.
    private func gaussian(_ slot: Int, _ id: Int, _ era: UInt64) -> Double {
        var hash = SplitMix64(
            state: seed &+ UInt64(slot) &* 0x9e37_79b9 &+ UInt64(id) &* 0xbf58_476d_1ce4_e5b9 &+ era << 40)
        return (hash.unit() + hash.unit() + hash.unit() + hash.unit() - 2) * 1.732
    }
}

/// SplitMix64: small, seeded, the same everywhere. Source: Steele, Lea, Flood 2014.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in 0 ..< 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
