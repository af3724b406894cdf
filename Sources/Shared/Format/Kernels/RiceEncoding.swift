// Golomb–Rice coding of gaps. A gap g is the count of absent indices between two neighbours; with parameter k it is
// written as g >> k zero bits, a one bit, then the low k bits of g, each field lowest bit first.

/// What the quotients of all gaps add up to.
///
/// - Returns: Σ (gap >> k), below 2^32; nil unless the indices are strictly increasing.
/// - Complexity: O(rows), no branch in the loop, so that it is vectorised.
func riceQuotientSum(indices: Span<UInt32>, riceParameter: UInt8) -> UInt64? {
    let shift = UInt32(riceParameter)
    return unsafe indices.withUnsafeBufferPointer { indices in
        var sum: UInt64 = 0
        var disorder: UInt32 = 0
        for row in stride(from: 1, to: indices.count, by: 1) {
            let index = unsafe indices[row]
            let previous = unsafe indices[row - 1]
            disorder |= index <= previous ? 1 : 0
            sum &+= UInt64((index &- previous &- 1) &>> shift)
        }
        return disorder == 0 ? sum : nil
    }
}

/// Where the next bit goes. The low `bitCount` (0...7) bits of `pending` are not in memory yet; the rest of it is zero.
private struct BitCursor {
    var byte: Int
    var pending: UInt64
    var bitCount: UInt64
}

/// Writes the gaps between neighbours; the first index goes into the header.
///
/// - Parameters:
///   - indices: strictly increasing. Shape [rows].
///   - range: of the bytes to write: exactly the 64-bit words that (rows − 1)(1 + k) + `riceQuotientSum` bits need.
///     Unused bits become zero.
/// - Precondition: as above; checked. Allocates nothing; O(rows).
func encodeGaps(indices: Span<UInt32>, riceParameter: UInt8, into bytes: inout MutableSpan<UInt8>, at range: Range<Int>)
{
    let k = UInt64(riceParameter)
    let byteCount = range.count
    let mask = (UInt64(1) &<< k) &- 1
    unsafe bytes.withUnsafeMutableBytes { all in
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: all[range])
        guard let base = bytes.baseAddress else { return }
        unsafe indices.withUnsafeBufferPointer { indices in
            // Three locals in registers; a `BitCursor` is made of them only where a row takes the slow way.
            var (byte, pending, bitCount) = (0, UInt64(0), UInt64(0))
            for row in stride(from: 1, to: indices.count, by: 1) {
                let gap = unsafe UInt64(indices[row] &- indices[row - 1] &- 1)
                let quotient = gap &>> k
                let codeBitCount = quotient &+ 1 &+ k
                // Up to 7 pending bits and a code of 56 leave a shift below 64; eight bytes must be there to be stored.
                if codeBitCount <= 56 && byte &+ 8 <= byteCount {
                    let code = (((gap & mask) &<< 1) | 1) &<< quotient
                    let word = pending | (code &<< bitCount)
                    unsafe base.storeBytes(of: word.littleEndian, toByteOffset: byte, as: UInt64.self)
                    let total = bitCount &+ codeBitCount
                    byte &+= Int(truncatingIfNeeded: total &>> 3)
                    pending = word &>> (total & 56)
                    bitCount = total & 7
                } else {
                    var cursor = BitCursor(byte: byte, pending: pending, bitCount: bitCount)
                    unsafe putSlowly(gap: gap, riceParameter: k, at: &cursor, into: bytes)
                    (byte, pending, bitCount) = (cursor.byte, cursor.pending, cursor.bitCount)
                }
            }
            if bitCount > 0 {
                precondition(byte < byteCount, "the gaps must have the room their size announced")
                unsafe bytes[byte] = UInt8(truncatingIfNeeded: pending)
                byte += 1
            }
            for offset in byte..<byteCount { unsafe bytes[offset] = 0 }
        }
    }
}

/// One gap, byte by byte: for the last bytes, and for gaps far above the mean.
private func putSlowly(
    gap: UInt64, riceParameter k: UInt64, at cursor: inout BitCursor, into bytes: UnsafeMutableRawBufferPointer
) {
    unsafe putBits(0, count: gap &>> k, at: &cursor, into: bytes)
    unsafe putBits(1, count: 1, at: &cursor, into: bytes)
    unsafe putBits(gap & ((1 &<< k) &- 1), count: k, at: &cursor, into: bytes)
}

/// - Parameter bits: below 2^`count`, and below 2^32 when `count` is more.
private func putBits(
    _ bits: UInt64, count: UInt64, at cursor: inout BitCursor, into bytes: UnsafeMutableRawBufferPointer
) {
    cursor.pending |= bits &<< cursor.bitCount
    cursor.bitCount &+= count
    while cursor.bitCount >= 8 {
        precondition(cursor.byte < bytes.count, "the gaps must have the room their size announced")
        unsafe bytes[cursor.byte] = UInt8(truncatingIfNeeded: cursor.pending)
        cursor.byte &+= 1
        cursor.pending &>>= 8
        cursor.bitCount &-= 8
    }
}
