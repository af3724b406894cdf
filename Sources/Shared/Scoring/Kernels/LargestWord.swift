internal import CKernels

/// The largest of `count` little-endian words, each without the bits that `mask` lacks; 0 where there is none.
///
/// For checks that hold nearly always: one number is compared, and only a bad one is looked for. The words of floats
/// without their sign order as magnitudes do, infinity and NaN above all.
/// - Cost: O(count), eight words at a time; allocates nothing.
func largestWord(_ words: UnsafeRawPointer, count: Int, mask: UInt32 = .max) -> UInt32 {
    let kept = SIMD8(repeating: mask)
    var (even, odd) = (SIMD8<UInt32>(repeating: 0), SIMD8<UInt32>(repeating: 0))
    var at = 0
    while at &+ 16 <= count {
        let place = unsafe words + 4 &* at
        even = sluice_max_u8(even, unsafe place.loadUnaligned(as: SIMD8<UInt32>.self) & kept)
        odd = sluice_max_u8(odd, unsafe place.loadUnaligned(fromByteOffset: 32, as: SIMD8<UInt32>.self) & kept)
        at &+= 16
    }
    var largest = sluice_max_u8(even, odd).max()
    while at < count {
        largest = max(largest, unsafe words.loadUnaligned(fromByteOffset: 4 &* at, as: UInt32.self) & mask)
        at &+= 1
    }
    return largest
}
