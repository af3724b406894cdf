/// MurmurHash3 x86_32 of `count` bytes: the hash of VW's names.
///
/// Reads up to 8 bytes beyond the name, which must be readable. Zero bytes in the last, partial word do not change the
/// hash, so it is masked and mixed without a branch.
/// - Source: Appleby's MurmurHash3_x86_32; VW `hash.h`.
@inlinable @inline(__always)
package func murmur32(_ name: TextPointer, _ count: Int, seed: UInt32) -> UInt32 {
    var h = seed
    var at = 0
    while at &+ 4 <= count {
        h = murmurBlock(h, name.word32(at))
        at &+= 4
    }
    let tail = name.word32(at) & UInt32(truncatingIfNeeded: (UInt64(1) &<< (8 &* UInt64(count & 3))) &- 1)
    return murmurEnd(h, tail, count)
}

/// VW's hash of a name under its default rule ("strings"): trimmed; digits are their own number, an empty name is the
/// seed, everything else is murmur.
/// - Source: VW `hashstring.h`.
@inlinable @inline(__always)
package func hashString(_ name: TextPointer, _ count: Int, seed: UInt32) -> UInt32 {
    guard count > 0 else { return seed }
    // Most names begin with a byte that is neither a digit nor below the space; they cannot be a number.
    if name[0] > 0x39 && name[count &- 1] > 0x20 { return murmur32(name, count, seed: seed) }
    return hashTrimmedOrNumber(name, count, seed: seed)
}

@inlinable @inline(__always)
func murmurMix(_ word: UInt32) -> UInt32 {
    let k = word &* 0xcc9e_2d51
    return ((k &<< 15) | (k &>> 17)) &* 0x1b87_3593
}

@inlinable @inline(__always)
func murmurBlock(_ hash: UInt32, _ word: UInt32) -> UInt32 {
    let h = hash ^ murmurMix(word)
    return ((h &<< 13) | (h &>> 19)) &* 5 &+ 0xe654_6b64
}

/// The partial last word, 0 where there is none, and the final avalanche.
@inlinable @inline(__always)
func murmurEnd(_ hash: UInt32, _ tail: UInt32, _ count: Int) -> UInt32 {
    var h = hash ^ murmurMix(tail) ^ UInt32(truncatingIfNeeded: count)
    h = (h ^ (h &>> 16)) &* 0x85eb_ca6b
    h = (h ^ (h &>> 13)) &* 0xc2b2_ae35
    return h ^ (h &>> 16)
}

@usableFromInline
func hashTrimmedOrNumber(_ name: TextPointer, _ count: Int, seed: UInt32) -> UInt32 {
    var start = 0
    var end = count
    while start < end && name[start] <= 0x20 { start &+= 1 }
    while end > start && name[end &- 1] <= 0x20 { end &-= 1 }
    var number: UInt32 = 0
    var at = start
    while at < end {
        let digit = name[at] &- 0x30
        if digit > 9 { return murmur32(name.advanced(start), end &- start, seed: seed) }
        number = number &* 10 &+ UInt32(digit)
        at &+= 1
    }
    return number &+ seed
}
