/// XXH64 of bytes, to tell a trainer's retry from another batch under its number. Not against forgery.
///
/// Any split of the bytes gives the same value. Four sums run side by side: about 32 bytes in ten cycles.
/// - Source: Collet, "xxHash fast digest algorithm", XXH64 with seed 0.
package struct ContentDigest: Sendable {
    private static let primes: (UInt64, UInt64, UInt64, UInt64, UInt64) = (
        0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63,
        0x27d4_eb2f_1656_67c5
    )
    private static let stripeByteCount = 32

    private var sums: (UInt64, UInt64, UInt64, UInt64)
    private var byteCount: UInt64 = 0
    /// Bytes that do not fill a stripe yet.
    private var pending: [UInt8] = []

    package init() {
        let (one, two, _, _, _) = Self.primes
        sums = (one &+ two, two, 0, 0 &- one)
        pending.reserveCapacity(Self.stripeByteCount)
    }

    /// Adds the first `count` bytes of an array.
    package mutating func add(_ bytes: [UInt8], first count: Int) { add(bytes.span.extracting(first: count)) }

    package mutating func add(_ bytes: Span<UInt8>) {
        byteCount &+= UInt64(bytes.count)
        var at = 0
        if !pending.isEmpty {
            at = min(Self.stripeByteCount - pending.count, bytes.count)
            for place in 0..<at { pending.append(bytes[place]) }
            guard pending.count == Self.stripeByteCount else { return }
            var full = sums
            Self.add(pending.span, to: &full)
            sums = full
            pending.removeAll(keepingCapacity: true)
        }
        let whole = (bytes.count - at) / Self.stripeByteCount * Self.stripeByteCount
        Self.add(bytes.extracting(at..<at + whole), to: &sums)
        for place in at + whole..<bytes.count { pending.append(bytes[place]) }
    }

    package var value: UInt64 {
        let (one, two, three, four, five) = Self.primes
        var hash = five
        if byteCount >= UInt64(Self.stripeByteCount) {
            hash =
                rotated(sums.0, 1) &+ rotated(sums.1, 7) &+ rotated(sums.2, 12) &+ rotated(sums.3, 18)
            for sum in [sums.0, sums.1, sums.2, sums.3] { hash = (hash ^ mixed(0, sum)) &* one &+ four }
        }
        hash &+= byteCount
        var rest = pending[...]
        while rest.count >= 8 {
            hash = rotated(hash ^ mixed(0, word(rest.prefix(8))), 27) &* one &+ four
            rest.removeFirst(8)
        }
        if rest.count >= 4 {
            hash = rotated(hash ^ (word(rest.prefix(4)) &* one), 23) &* two &+ three
            rest.removeFirst(4)
        }
        for byte in rest { hash = rotated(hash ^ (UInt64(byte) &* five), 11) &* one }
        hash = (hash ^ (hash >> 33)) &* two
        hash = (hash ^ (hash >> 29)) &* three
        return hash ^ (hash >> 32)
    }

    /// - Precondition: whole stripes.
    private static func add(_ bytes: Span<UInt8>, to sums: inout (UInt64, UInt64, UInt64, UInt64)) {
        var (a, b, c, d) = sums
        unsafe bytes.withUnsafeBytes { bytes in
            var at = 0
            while at < bytes.count {
                a = mixed(a, unsafe word(bytes, at))
                b = mixed(b, unsafe word(bytes, at &+ 8))
                c = mixed(c, unsafe word(bytes, at &+ 16))
                d = mixed(d, unsafe word(bytes, at &+ 24))
                at &+= stripeByteCount
            }
        }
        sums = (a, b, c, d)
    }
}

@inline(__always)
private func mixed(_ sum: UInt64, _ word: UInt64) -> UInt64 {
    rotated(sum &+ word &* 0xc2b2_ae3d_27d4_eb4f, 31) &* 0x9e37_79b1_85eb_ca87
}

@inline(__always)
private func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 { (word &<< count) | (word &>> (64 &- count)) }

@inline(__always)
private func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
    UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
}

private func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
