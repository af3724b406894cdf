internal import Format
internal import TestSupport
internal import Testing

@Suite("Gaps of any bits mean what the page says, or are refused")
struct AnyBitsTests {
    /// The page's rule one bit at a time: the rows' indices and the bits they took, or nil when the bits run out.
    static func reference(
        _ bits: [Bool], riceParameter: UInt8, firstIndex: UInt64, rowCount: Int
    ) -> (indices: [UInt64], bitCount: Int)? {
        var indices = [firstIndex]
        var position = 0
        while indices.count < rowCount {
            guard let one = bits[position...].firstIndex(of: true) else { return nil }
            var gap = UInt64(one - position) * (1 << UInt64(riceParameter))
            position = one + 1
            for place in 0..<UInt64(riceParameter) {
                guard position < bits.count else { return nil }
                if bits[position] { gap += 1 << place }
                position += 1
            }
            indices.append(indices[indices.count - 1] + gap + 1)
        }
        return (indices, position)
    }

    /// A record whose checksums hold, with these gaps.
    static func record(bits: [Bool], riceParameter: UInt8, firstIndex: UInt32, rowCount: Int) -> [UInt8] {
        let dense = Rows(indices: Array(0..<UInt32(rowCount)), values: [Float](repeating: 1, count: rowCount))
        let gaps = stride(from: 0, to: bits.count, by: 8).map { start in
            (0..<8).reduce(UInt8(0)) { $0 | (bits[start + $1] ? 1 << UInt8($1) : 0) }
        }
        return forged(delta(dense)) {
            $0.replaceSubrange(112..<$0.count - rowCount * 4, with: gaps)
            $0.put(UInt32($0.count - 112), at: 8)
            $0.put(firstIndex, at: 96)
            $0[60] = riceParameter
        }
    }

    /// Random bits; the higher the sparsity, the longer the quotients.
    static func bits(wordCount: Int, sparsity: Int, using generator: inout SeededGenerator) -> [Bool] {
        (0..<wordCount * 64).map { _ in Int.random(in: 0...sparsity, using: &generator) == 0 }
    }

    @Test("decoded as by the slow reference, or refused as it refuses", arguments: 0...31 as ClosedRange<UInt8>)
    func decode(riceParameter: UInt8) throws {
        var outcomes: Set<String> = []
        for seed in 1...60 as ClosedRange<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let rowCount = Int.random(in: 2...90, using: &generator)
            let firstIndex = UInt32.random(in: 0...1000, using: &generator)
            let sparsity = [1, 2, 10, 40][Int(seed % 4)]
            let wordCount = rowCount * (Int(riceParameter) + 1 + sparsity) / 64 + 1
            var bits = Self.bits(wordCount: wordCount, sparsity: sparsity, using: &generator)
            let expected = Self.reference(
                bits, riceParameter: riceParameter, firstIndex: UInt64(firstIndex), rowCount: rowCount)
            if let expected {
                // Make it the one spelling: cut off spare words, clear spare bits.
                bits.removeLast(bits.count - (expected.bitCount + 63) / 64 * 64)
                for place in expected.bitCount..<bits.count { bits[place] = false }
            }
            let bytes = Self.record(
                bits: bits, riceParameter: riceParameter, firstIndex: firstIndex, rowCount: rowCount)
            do throws(FormatError) {
                let rows = try readRows(bytes)
                #expect(rows?.indices.map { UInt64($0) } == expected?.indices, "seed \(seed)")
                outcomes.insert("rows")
            } catch .outsideModel(let index, _) {
                #expect(index == expected?.indices.last && index >= 1 << 32, "seed \(seed)")
                outcomes.insert("outside")
            } catch {
                #expect(expected == nil, "seed \(seed): \(error)")
                outcomes.insert("refused")
            }
        }
        #expect(outcomes.contains("refused") && outcomes.count > 1, "the inputs must reach more than one outcome")
    }

    @Test("bits are never read past the gaps into the values")
    func end() {
        // 63 one bits for 64 gaps: the 64th would have to come from the values behind, which have ones.
        let bits = [Bool](repeating: true, count: 63) + [false]
        let bytes = Self.record(bits: bits, riceParameter: 0, firstIndex: 0, rowCount: 65)
        #expect(throws: FormatError.corrupt(what: "its gaps end before its rows")) { try readRows(bytes) }
    }

    @Test("a quotient far past the index space is refused without overflow")
    func longest() {
        let wordCount = 1 << 12
        var bits = [Bool](repeating: false, count: wordCount * 64)
        bits[bits.count - 32] = true
        let bytes = Self.record(bits: bits, riceParameter: 31, firstIndex: 0, rowCount: 2)
        let last = UInt64(bits.count - 32) << 31 + 1
        #expect(throws: FormatError.outsideModel(index: last, indexLimit: 1 << 32)) { try readRows(bytes) }
    }
}
