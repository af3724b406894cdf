/// Hashes of short namespace names already seen: a namespace returns on every line, its hash never changes.
///
/// One entry for each first byte; a name of up to 7 bytes is its own key (its length is the eighth).
@usableFromInline
package struct NamespaceCache: Sendable {
    @usableFromInline var keys = [UInt64](repeating: 0, count: 256)
    @usableFromInline var hashes = [UInt32](repeating: 0, count: 256)

    package init() {}

    @inlinable @inline(__always)
    package mutating func hash(_ name: TextPointer, _ count: Int, orElse hash: (TextPointer, Int) -> UInt32) -> UInt32 {
        guard count <= 7 else { return hash(name, count) }
        let bytes = name.word64(0) & ((1 &<< (8 &* UInt64(count))) &- 1)
        let key = bytes | UInt64(count) &<< 56
        let slot = Int(bytes & 0xff)
        if keys[slot] == key { return hashes[slot] }
        keys[slot] = key
        hashes[slot] = hash(name, count)
        return hashes[slot]
    }
}
