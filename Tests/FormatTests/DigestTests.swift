internal import Format
internal import TestSupport
internal import Testing

@Suite("A digest depends on the weights and their indices alone")
struct DigestTests {
    /// The page's words, with full-width products instead of wrapping ones.
    static func reference(_ rows: [(index: UInt64, weight: Float)]) -> UInt128 {
        func times(_ x: UInt64, _ y: UInt64) -> UInt64 { x.multipliedFullWidth(by: y).low }
        var sum: UInt128 = 0
        for row in rows where row.weight != 0 {
            let number = row.index * 4_294_967_296 + UInt64(row.weight.bitPattern)
            var low = number
            low = times(low ^ low / (1 << 33), 0xff51_afd7_ed55_8ccd)
            low = times(low ^ low / (1 << 33), 0xc4ce_b9fe_1a85_ec53)
            low = low ^ low / (1 << 33)
            var high = number.addingReportingOverflow(0x9e37_79b9_7f4a_7c15).partialValue
            high = times(high ^ high / (1 << 30), 0xbf58_476d_1ce4_e5b9)
            high = times(high ^ high / (1 << 27), 0x94d0_49bb_1331_11eb)
            high = high ^ high / (1 << 31)
            sum = sum.addingReportingOverflow(UInt128(high) * (1 << 64) + UInt128(low)).partialValue
        }
        return sum
    }

    /// Weights of which about one in `sparsity` is not zero; some zeros are negative.
    static func weights(count: Int, sparsity: Int, seed: UInt64) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            guard Int.random(in: 0..<sparsity, using: &generator) == 0 else {
                return Bool.random(using: &generator) ? 0 : -0.0
            }
            return Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
        }
    }

    static func rows(_ weights: [Float], from first: UInt64) -> [(index: UInt64, weight: Float)] {
        weights.enumerated().map { (first + UInt64($0.offset), $0.element) }
    }

    @Test(
        "the same as the slow reference, at any size and first index", arguments: [1, 2, 9, 100],
        1...10 as ClosedRange<UInt64>)
    func reference(sparsity: Int, seed: UInt64) {
        for count in [0, 1, 7, 8, 9, 31, 1000] {
            let weights = Self.weights(count: count, sparsity: sparsity, seed: seed)
            for first in [0, 1, 12345, (1 << 32) - UInt64(count)] {
                let expected = Self.reference(Self.rows(weights, from: first))
                #expect(digest(weights: weights.span, firstIndex: first).sum == expected, "\(count) from \(first)")
            }
        }
    }

    @Test("a lone weight is found wherever it stands and whichever bit makes it", arguments: 0..<17)
    func lone(position: Int) {
        for bit in 0..<31 as Range<UInt32> {
            var weights = [Float](repeating: -0.0, count: 17)
            weights[position] = Float(bitPattern: 1 << bit)
            let expected = Self.reference([(UInt64(position), weights[position])])
            #expect(digest(weights: weights.span, firstIndex: 0).sum == expected, "bit \(bit)")
        }
    }

    @Test("row by row, in any order, it is the same", arguments: 1...10 as ClosedRange<UInt64>)
    func order(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let weights = Self.weights(count: 300, sparsity: 2, seed: seed)
        var shuffled = WeightDigest()
        for row in Self.rows(weights, from: 77).shuffled(using: &generator) {
            shuffled.add(index: row.index, weight: row.weight)
        }
        #expect(shuffled == digest(weights: weights.span, firstIndex: 77))
    }

    @Test("digests of parts add up to that of the whole", arguments: [0, 1, 8, 150, 299, 300])
    func additivity(cut: Int) {
        let weights = Self.weights(count: 300, sparsity: 2, seed: 4)
        let front = digest(weights: weights.span.extracting(first: cut), firstIndex: 9)
        let back = digest(weights: weights.span.extracting(droppingFirst: cut), firstIndex: 9 + UInt64(cut))
        #expect(front + back == digest(weights: weights.span, firstIndex: 9))
        #expect(back + front == front + back)
    }

    @Test("zeros of both signs add nothing; removing undoes adding")
    func zeros() {
        var digest = WeightDigest()
        digest.add(index: 1, weight: 0)
        digest.add(index: 2, weight: -0.0)
        #expect(digest == WeightDigest())
        digest.add(index: 3, weight: 1.5)
        #expect(digest != WeightDigest())
        digest.remove(index: 3, weight: 1.5)
        #expect(digest == WeightDigest())
    }

    @Test("a change of any bit of a weight or index changes it")
    func sensitivity() {
        var seen: Set<WeightDigest> = []
        for bit in 0..<32 {
            var (byWeight, byIndex) = (WeightDigest(), WeightDigest())
            byWeight.add(index: 5, weight: Float(bitPattern: 0x3F80_0000 ^ (1 << UInt32(bit))))
            byIndex.add(index: 5 ^ (1 << UInt64(bit)), weight: 1)
            seen.formUnion([byWeight, byIndex])
        }
        #expect(seen.count == 64)
    }

    @Test("its text has 32 digits and is read back")
    func text() {
        for sum in [0, 1, UInt128.max, 0x0123_4567_89AB_CDEF] {
            let digest = WeightDigest(sum: sum)
            #expect(digest.description.utf8.count == 32)
            #expect(WeightDigest(hex: digest.description) == digest)
        }
        #expect(WeightDigest(hex: "0") == nil)
        #expect(WeightDigest(hex: String(repeating: "g", count: 32)) == nil)
    }
}

@Suite("The checksum is CRC-32C")
struct CRC32CTests {
    @Test("the published check value, and those of RFC 3720")
    func known() {
        func checksum(_ bytes: [UInt8]) -> UInt32 {
            var checksum = CRC32C()
            checksum.add(bytes.span)
            return checksum.value
        }
        #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(checksum(Array(0..<32)) == 0x46DD_794E)
    }

    @Test("the instruction and the portable twin agree at any length and split", arguments: 0..<70)
    func twin(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for cut in 0...count {
            var checksum = CRC32C()
            checksum.add(bytes.span.extracting(first: cut))
            checksum.add(bytes.span.extracting(droppingFirst: cut))
            #expect(checksum.value == CRC32C.portable(bytes.span))
        }
    }
}
