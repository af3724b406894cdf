/// What decoding a bit stream of gaps came to.
struct DecodedGaps: Equatable {
    /// The last row's index, in full: it may be above what the rows could store, and then none of them counts.
    var lastIndex: UInt64

    /// Bits read from the front of the stream.
    var bitCount: Int
}

/// Reads the gaps that `encodeGaps` writes, from bytes of any content.
///
/// Indices only grow, so the caller need compare no more than the last one with its limit. It cannot overflow: the
/// quotients of one payload add up to at most 2^29, its bits, and k is at most 31.
///
/// - Parameters:
///   - bytes: whole 64-bit words.
///   - indices: receives every row's index, its low 32 bits. Shape [rows], at least 1.
///   - pause: called after about every `pauseRowCount` rows.
/// - Returns: nil when the bits end before the rows do. Then the indices are only partly written.
/// - Complexity: O(rows + bytes) whatever the bytes are. Allocates nothing.
func decodeGaps(
    _ bytes: RawSpan, riceParameter: UInt8, firstIndex: UInt32, into indices: inout MutableSpan<UInt32>,
    pauseRowCount: Int = .max, pause: () -> Void = {}
) -> DecodedGaps? {
    precondition(bytes.byteCount % 8 == 0 && bytes.byteCount <= FormatLimits.payloadByteCountMax, "words of a payload")
    precondition(riceParameter <= FormatLimits.riceParameterMax && !indices.isEmpty, "a checked header")
    return unsafe bytes.withUnsafeBytes { bytes in
        unsafe indices.withUnsafeMutableBufferPointer { indices in
            var state = GapState(row: 1, index: UInt64(firstIndex), position: 0)
            unsafe indices[0] = firstIndex
            let k = Int(riceParameter)
            var pieceEnd = min(indices.count, pauseRowCount)
            while state.row < indices.count {
                if state.row >= pieceEnd - 3 && pieceEnd < indices.count {
                    pause()
                    pieceEnd = min(indices.count - pauseRowCount, pieceEnd) + pauseRowCount
                }
                // Above 9 four codes seldom fit one load of 57 bits; such sparse rows are few.
                if k <= 9 { unsafe decodeFours(bytes, k, &state, indices, rowEnd: pieceEnd - 3) }
                // The fast loop stops at a gap far above the mean and near the end: this takes one row past either.
                guard state.row < indices.count else { break }
                guard unsafe decodeOne(bytes, k, &state, indices) else { return nil }
            }
            return DecodedGaps(lastIndex: state.index, bitCount: state.position)
        }
    }
}

/// `row` is the next one to write, `index` that of the row before, `position` counts bits.
private struct GapState {
    var row: Int
    var index: UInt64
    var position: Int
}

/// Takes one code off the bottom of `bits` and adds its length to `used`.
///
/// Once `used` is above 57 the results mean nothing, and it never comes down again: check it before using them.
@inline(__always)
private func takeStep(_ bits: inout UInt64, _ used: inout Int, _ k: Int, _ mask: UInt64) -> UInt64 {
    let quotient = bits.trailingZeroBitCount
    let low = (bits &>> UInt64(truncatingIfNeeded: quotient &+ 1)) & mask
    let bitCount = quotient &+ 1 &+ k
    bits &>>= UInt64(truncatingIfNeeded: bitCount)
    used &+= bitCount
    return ((UInt64(truncatingIfNeeded: quotient) &<< UInt64(truncatingIfNeeded: k)) | low) &+ 1
}

/// Four rows for each load, until `rowEnd`, the bytes near their end, or four codes need more than 57 bits.
@inline(__always)
private func decodeFours(
    _ bytes: UnsafeRawBufferPointer, _ k: Int, _ state: inout GapState, _ indices: UnsafeMutableBufferPointer<UInt32>,
    rowEnd: Int
) {
    let mask = (UInt64(1) &<< UInt64(truncatingIfNeeded: k)) &- 1
    let byteEnd = bytes.count - 7
    guard let base = bytes.baseAddress, let target = indices.baseAddress else { return }
    var (row, index, position) = (state.row, state.index, state.position)
    while row < rowEnd && position &>> 3 < byteEnd {
        let word = unsafe base.loadUnaligned(fromByteOffset: position &>> 3, as: UInt64.self)
        var bits = UInt64(littleEndian: word) &>> UInt64(truncatingIfNeeded: position & 7)
        var used = 0
        let first = takeStep(&bits, &used, k, mask)
        let second = first &+ takeStep(&bits, &used, k, mask)
        let third = second &+ takeStep(&bits, &used, k, mask)
        let fourth = third &+ takeStep(&bits, &used, k, mask)
        guard used <= 57 else { break }
        unsafe target[row] = UInt32(truncatingIfNeeded: index &+ first)
        unsafe target[row &+ 1] = UInt32(truncatingIfNeeded: index &+ second)
        unsafe target[row &+ 2] = UInt32(truncatingIfNeeded: index &+ third)
        unsafe target[row &+ 3] = UInt32(truncatingIfNeeded: index &+ fourth)
        index &+= fourth
        row &+= 4
        position &+= used
    }
    state = GapState(row: row, index: index, position: position)
}

/// One row wherever its bits lie. False when they end first.
private func decodeOne(
    _ bytes: UnsafeRawBufferPointer, _ k: Int, _ state: inout GapState, _ indices: UnsafeMutableBufferPointer<UInt32>
) -> Bool {
    let wordCount = bytes.count / 8
    var end = state.position
    while true {
        guard end &>> 6 < wordCount else { return false }
        let word = unsafe loadWord(bytes, end &>> 6) &>> UInt64(end & 63)
        if word != 0 {
            end &+= word.trailingZeroBitCount
            break
        }
        end = (end &>> 6 &+ 1) &<< 6
    }
    let quotient = UInt64(end - state.position)
    end &+= 1
    guard end &+ k <= wordCount &* 64 else { return false }
    var low: UInt64 = 0
    if k > 0 {
        low = unsafe loadWord(bytes, end &>> 6) &>> UInt64(end & 63)
        if end & 63 &+ k > 64 { low |= unsafe loadWord(bytes, end &>> 6 &+ 1) &<< UInt64(64 &- end & 63) }
        low &= (1 &<< UInt64(k)) &- 1
    }
    state.index &+= ((quotient &<< UInt64(k)) | low) &+ 1
    unsafe indices[state.row] = UInt32(truncatingIfNeeded: state.index)
    state.row &+= 1
    state.position = end &+ k
    return true
}

@inline(__always)
private func loadWord(_ bytes: UnsafeRawBufferPointer, _ word: Int) -> UInt64 {
    unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self))
}
