/// A hash of everything in a model's spec that gives its weights their meaning.
///
/// Two nodes may exchange rows of a model only when their fingerprints are equal.
package struct Fingerprint: Hashable, Sendable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Reads what `description` writes: exactly 16 hexadecimal digits.
    package init?(hex: some StringProtocol) {
        guard let rawValue = UInt64(hexDigits: hex) else { return nil }
        self.rawValue = rawValue
    }
}

extension Fingerprint: CustomStringConvertible {
    package var description: String { rawValue.hexDigits }
}
