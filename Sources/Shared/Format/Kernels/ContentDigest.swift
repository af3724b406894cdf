/// A 64-bit hash of bytes, to tell a trainer's retry from another batch under its number. Not against forgery.
///
/// Each word w: h = (h ^ mix(w)) · 0x9e3779b97f4a7c15, rotated by 29; the tail is padded with zeros and the length
/// added last. Any split of the bytes gives the same value.
package struct ContentDigest: Sendable {
    private var hash: UInt64 = 0x5_1d1c_e000
    private var byteCount: UInt64 = 0
    /// Bytes that do not fill a word yet, lowest first.
    private var pending: UInt64 = 0

    package init() {}

    /// Adds the first `count` bytes of an array.
    package mutating func add(_ bytes: [UInt8], first count: Int) { add(bytes.span.extracting(first: count)) }

    package mutating func add(_ bytes: Span<UInt8>) {
        var at = 0
        while at < bytes.count && byteCount % 8 != 0 {
            addByte(bytes[at])
            at += 1
        }
        unsafe bytes.withUnsafeBytes { bytes in
            while at + 8 <= bytes.count {
                addWord(UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
                byteCount &+= 8
                at += 8
            }
        }
        while at < bytes.count {
            addByte(bytes[at])
            at += 1
        }
    }

    package var value: UInt64 {
        var copy = self
        copy.addWord(pending)
        copy.addWord(byteCount)
        return copy.hash ^ (copy.hash >> 32)
    }

    private mutating func addByte(_ byte: UInt8) {
        pending |= UInt64(byte) << (8 * (byteCount % 8))
        byteCount &+= 1
        if byteCount % 8 == 0 {
            addWord(pending)
            pending = 0
        }
    }

    private mutating func addWord(_ word: UInt64) {
        let mixed = word &* 0xff51_afd7_ed55_8ccd
        let h = (hash ^ mixed ^ (mixed >> 32)) &* 0x9e37_79b9_7f4a_7c15
        hash = (h << 29) | (h >> 35)
    }
}
