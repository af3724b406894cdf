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

    /// One bit for each of 64 bytes: VW's delimiters.
    @inline(__always)
    func vwDelimiters64(_ at: Int) -> UInt64 { unsafe sluice_delimiters64(base + at) }

    /// The same: the line feed and three more bytes.
    @inline(__always)
    func bytes64(_ at: Int, _ one: UInt8, _ two: UInt8, _ three: UInt8) -> UInt64 {
        unsafe sluice_bytes64(base + at, one, two, three)
    }

    /// The same: what JSON's strings end with or go on with in another way.
    @inline(__always)
    func json64(_ at: Int) -> UInt64 { unsafe sluice_json64(base + at) }

    @inline(__always)
    func isEqual(_ one: Range<Int>, _ two: Range<Int>) -> Bool {
        guard one.count == two.count else { return false }
        for k in 0..<one.count where self[one.lowerBound &+ k] != self[two.lowerBound &+ k] { return false }
        return true
    }

    func isEqual(_ word: StaticString, at start: Int) -> Bool {
        for k in 0..<word.utf8CodeUnitCount where unsafe self[start &+ k] != word.utf8Start[k] { return false }
        return true
    }

    /// Where a line ends that may have a carriage return before its line feed.
    @inline(__always)
    func endWithoutReturn(_ start: Int, _ lineFeed: Int) -> Int {
        lineFeed > start && self[lineFeed &- 1] == UInt8(ascii: "\r") ? lineFeed &- 1 : lineFeed
    }

    @inlinable @inline(__always)
    package func advanced(_ count: Int) -> TextPointer { unsafe TextPointer(base + count) }
}

/// The positions of a window's delimiters, handed out in order.
@safe @usableFromInline
package struct DelimiterCursor {
    @usableFromInline var position: UnsafePointer<UInt32>

    @inline(__always)
    init(_ positions: UnsafePointer<UInt32>) { unsafe position = positions }

    /// The position that `next` will give.
    @inline(__always)
    var peek: Int { unsafe Int(position.pointee) }

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
func findDelimiters<Grammar: LineGrammar>(
    _: Grammar.Type, _ text: TextPointer, from start: Int, to end: Int, into positions: UnsafeMutablePointer<UInt32>
) -> Int {
    var found = 0
    var at = start
    while at < end {
        var word = Grammar.delimiters64(text, at)
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
