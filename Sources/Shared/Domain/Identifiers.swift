/// A position in a model's log: examples learned, plus operators' commands. Within one history it names the weights.
package struct Version: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static let zero = Version(0)
    package var description: String { String(rawValue) }
    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    package static func + (version: Self, examples: Int) -> Self { Version(version.rawValue + UInt64(examples)) }
}

/// One lineage of versions; a model created anew begins another. Random, never 0.
package struct History: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init?(hex: String) {
        guard hex.utf8.count == 16, let value = UInt64(hex, radix: 16) else { return nil }
        rawValue = value
    }
    package var description: String { hexadecimal(rawValue) }

    package static func random(using generator: inout some RandomNumberGenerator) -> History {
        History(rawValue: UInt64.random(in: 1...UInt64.max, using: &generator))
    }
}

/// Names a model's plan (see `ModelSpec.fingerprint`).
package struct Fingerprint: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package init?(hex: String) {
        guard hex.utf8.count == 16, let value = UInt64(hex, radix: 16) else { return nil }
        rawValue = value
    }
    package var description: String { hexadecimal(rawValue) }
}

/// Sixteen digits, leading zeros kept.
private func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
