/// The hash of one row: 128 bits of two published 64-bit finalisers over the same number.
///
/// - Source: low half: MurmurHash3 `fmix64` (Appleby, public domain). High half: SplitMix64 (Steele, Lea, Flood 2014,
///   with Stafford's "Mix13" constants), with the number as its state.
@inline(__always)
func rowHash(index: UInt64, weightBits: UInt32) -> UInt128 {
    let number = index &<< 32 | UInt64(weightBits)

    var low = number
    low = (low ^ (low &>> 33)) &* 0xFF51_AFD7_ED55_8CCD
    low = (low ^ (low &>> 33)) &* 0xC4CE_B9FE_1A85_EC53
    low ^= low &>> 33

    var high = number &+ 0x9E37_79B9_7F4A_7C15
    high = (high ^ (high &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    high = (high ^ (high &>> 27)) &* 0x94D0_49BB_1331_11EB
    high ^= high &>> 31

    return UInt128(high) &<< 64 | UInt128(low)
}

/// Adds up the hashes of the weights that are not zero; position 0 has the index `firstIndex`, the next one `step` more.
///
/// - Complexity: O(weights); eight zeros in a row cost one test. Allocates nothing.
func rowHashSum(weights: Span<Float>, firstIndex: UInt64, step: UInt64) -> UInt128 {
    // Everything but the sign, twice: minus zero is zero.
    let magnitude: UInt64 = 0x7FFF_FFFF_7FFF_FFFF
    return unsafe weights.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return 0 }
        let count = bytes.count / 4
        var sum: UInt128 = 0
        var position = 0
        while position &+ 8 <= count {
            let words = unsafe base.loadUnaligned(fromByteOffset: position &* 4, as: SIMD4<UInt64>.self)
            if (words[0] | words[1] | words[2] | words[3]) & magnitude != 0 {
                for lane in 0..<8 {
                    let bits = unsafe base.loadUnaligned(fromByteOffset: (position &+ lane) &* 4, as: UInt32.self)
                    if bits &<< 1 != 0 {
                        sum &+= rowHash(index: firstIndex &+ UInt64(position &+ lane) &* step, weightBits: bits)
                    }
                }
            }
            position &+= 8
        }
        while position < count {
            let bits = unsafe base.loadUnaligned(fromByteOffset: position &* 4, as: UInt32.self)
            if bits &<< 1 != 0 { sum &+= rowHash(index: firstIndex &+ UInt64(position) &* step, weightBits: bits) }
            position &+= 1
        }
        return sum
    }
}
