internal import CKernels

/// A place in a `TextWindow` while a kernel runs over it.
///
/// Safe because it never leaves the closure that made it, and the window keeps slack behind its last line feed, beyond
/// which the parser's loops do not go.
@safe
struct TextPointer {
    let base: UnsafePointer<UInt8>

    @inline(__always)
    init(_ base: UnsafePointer<UInt8>) { unsafe self.base = base }

    @inline(__always)
    subscript(_ at: Int) -> UInt8 { unsafe base[at] }

    @inline(__always)
    func word32(_ at: Int) -> UInt32 { unsafe sluice_load32(base + at) }

    @inline(__always)
    func word64(_ at: Int) -> UInt64 { unsafe sluice_load64(base + at) }

    @inline(__always)
    func advanced(_ count: Int) -> TextPointer { unsafe TextPointer(base + count) }
}

/// The delimiters of a window, one bit a byte, handed out in order.
@safe
struct DelimiterCursor {
    private let words: UnsafePointer<UInt64>
    private var wordIndex = 0
    private var word: UInt64
    private let start: Int

    /// - Parameter start: the position that bit 0 stands for.
    @inline(__always)
    init(_ words: UnsafePointer<UInt64>, start: Int) {
        unsafe self.words = words
        self.start = start
        word = unsafe words[0]
    }

    /// The position of the next delimiter. The caller never asks beyond the last line feed of its window.
    @inline(__always)
    mutating func next() -> Int {
        while word == 0 {
            wordIndex &+= 1
            word = unsafe words[wordIndex]
        }
        let at = start &+ (wordIndex &<< 6) &+ word.trailingZeroBitCount
        word &= word &- 1
        return at
    }
}

/// Marks the delimiters of `count` bytes.
///
/// - Returns: how many there are; a window holds at most that many features.
func markDelimiters(_ text: TextPointer, _ count: Int, into words: UnsafeMutablePointer<UInt64>) -> Int {
    var found = 0
    var at = 0
    while at < count {
        let word = unsafe sluice_delimiters64(text.base + at)
        unsafe words[at &>> 6] = word
        found &+= word.nonzeroBitCount
        at &+= 64
    }
    return found
}
