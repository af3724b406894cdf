package import Domain

/// What one publish gives every follower, encoded once.
package struct FeedPart<Bytes: Sendable>: Sendable {
    /// The version a follower must stand at.
    package var base: Version
    /// The version it stands at afterwards.
    package var version: Version
    package var byteCount: Int
    package var bytes: Bytes

    package init(base: Version, version: Version, byteCount: Int, bytes: Bytes) {
        self.base = base
        self.version = version
        self.byteCount = byteCount
        self.bytes = bytes
    }
}

/// The last parts of one history, bounded by bytes. A follower that fell out of the ring needs a copy.
package struct PartRing<Bytes: Sendable>: Sendable {
    /// Parts in order; each one's base is the version before. They are numbered from `firstNumber` on.
    private var parts: [FeedPart<Bytes>] = []
    private var firstNumber: UInt64 = 0
    private var byteCount = 0
    private let byteCountMax: Int
    /// The version of the last part, or where the ring began.
    package private(set) var version: Version

    package init(version: Version, byteCountMax: Int) {
        self.version = version
        self.byteCountMax = byteCountMax
    }

    /// The number that the next part will have.
    package var endNumber: UInt64 { firstNumber + UInt64(parts.count) }

    /// Begins anew behind the last part: whoever has not got `version` needs a copy.
    package mutating func begin(at version: Version) {
        firstNumber = endNumber + 1
        (parts, byteCount, self.version) = ([], 0, version)
    }

    /// - Precondition: the part begins where the last one ended.
    package mutating func append(_ part: FeedPart<Bytes>) {
        precondition(part.base == version, "parts follow each other")
        parts.append(part)
        byteCount += part.byteCount
        version = part.version
        var dropped = 0
        // The last part always stays: a follower that keeps up never needs a copy, however large a part is.
        while byteCount > byteCountMax && dropped < parts.count - 1 {
            byteCount -= parts[dropped].byteCount
            dropped += 1
        }
        parts.removeFirst(dropped)
        firstNumber += UInt64(dropped)
    }

    package enum Lookup {
        case part(FeedPart<Bytes>)
        /// The follower has everything.
        case upToDate
        /// The part left the ring: the follower needs a copy.
        case gone
    }

    package func part(_ number: UInt64) -> Lookup {
        if number < firstNumber { return .gone }
        if number >= endNumber { return .upToDate }
        return .part(parts[Int(number - firstNumber)])
    }

    /// The number of the part that a follower at `version` needs next, or nil when it needs a copy.
    package func number(after version: Version) -> UInt64? {
        if version == self.version { return endNumber }
        guard let place = parts.firstIndex(where: { $0.base == version && $0.version > version }) else { return nil }
        return firstNumber + UInt64(place)
    }
}
