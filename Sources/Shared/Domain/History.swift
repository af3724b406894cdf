/// One lineage of versions. A new one, drawn at random, begins when versions would otherwise change their meaning.
package struct History: Hashable, Sendable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func random(using generator: inout some RandomNumberGenerator) -> History {
        History(UInt64.random(in: 1...UInt64.max, using: &generator))
    }

    /// Reads what `description` writes: exactly 16 hexadecimal digits.
    package init?(hex: some StringProtocol) {
        guard let rawValue = UInt64(hexDigits: hex) else { return nil }
        self.rawValue = rawValue
    }
}

extension History: CustomStringConvertible {
    package var description: String { rawValue.hexDigits }
}
