internal import CKernels

/// A place in a `ByteWindow` while a kernel runs over it.
///
/// Safe because it never leaves the closure that made it, and the window keeps slack behind its last line feed, beyond
/// which the parser's loops do not go.
@safe @usableFromInline
package struct TextPointer {
    @usableFromInline let base: UnsafePointer<UInt8>

    @inlinable @inline(__always)
    package init(_ base: UnsafePointer<UInt8>) { unsafe self.base = base }

    @inlinable @inline(__always)
    package subscript(_ at: Int) -> UInt8 { unsafe base[at] }

    @inlinable @inline(__always)
    package func word32(_ at: Int) -> UInt32 { unsafe UnsafeRawPointer(base + at).loadUnaligned(as: UInt32.self) }

    @inlinable @inline(__always)
    package func word64(_ at: Int) -> UInt64 { unsafe UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self) }

    @inlinable @inline(__always)
    package func advanced(_ count: Int) -> TextPointer { unsafe TextPointer(base + count) }
}

/// The positions of a window's delimiters, handed out in order.
@safe @usableFromInline
package struct DelimiterCursor {
    @usableFromInline var position: UnsafePointer<UInt32>

    @inline(__always)
    init(_ positions: UnsafePointer<UInt32>) { unsafe position = positions }

    /// The position of the next delimiter. The caller never asks beyond the last line feed of its window.
    @inlinable @inline(__always)
    package mutating func next() -> Int {
        let at = unsafe Int(position.pointee)
        unsafe position += 1
        return at
    }
}

/// Writes the positions of the delimiters in text[start ..< end], in order.
///
/// Eight positions are written at a time, so that few branches depend on how many delimiters 64 bytes hold.
/// - Parameter positions: room for `end - start + 64` entries.
/// - Returns: how many there are; a window holds at most that many features.
func findDelimiters(
    _ text: TextPointer, from start: Int, to end: Int, into positions: UnsafeMutablePointer<UInt32>
) -> Int {
    var found = 0
    var at = start
    while at < end {
        var word = unsafe sluice_delimiters64(text.base + at)
        let count = word.nonzeroBitCount
        var next = unsafe positions + found
        var written = 0
        repeat {
            for k in 0..<8 {
                unsafe next[k] = UInt32(truncatingIfNeeded: at &+ word.trailingZeroBitCount)
                word &= word &- 1
            }
            unsafe next += 8
            written &+= 8
        } while written < count
        found &+= count
        at &+= 64
    }
    return found
}
