/// FNV-1a, 64 bits: names of specs and of clusters. Source: Fowler, Noll and Vo, draft-eastlake-fnv.
package struct ContentHash {
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    /// Of a text's bytes alone.
    package init(of text: String) {
        for byte in text.utf8 { add(byte) }
    }

    /// Adds a text, and behind it a byte that no UTF-8 has: two texts are not one that is as long.
    package mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte) }
        add(0xFF as UInt8)
    }

    package mutating func add(_ word: UInt64) {
        for k in 0..<8 { add(UInt8(truncatingIfNeeded: word >> UInt64(8 * k))) }
    }

    private mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
}
