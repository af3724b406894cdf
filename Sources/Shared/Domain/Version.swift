/// A position in a model's log: how many examples and operators' commands came before it.
///
/// Within one `History` the same version always means the same weights.
package struct Version: Hashable, Sendable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static let zero = Version(0)

    package static func + (version: Version, examples: Int) -> Version {
        Version(version.rawValue + UInt64(examples))
    }
}

extension Version: Comparable {
    package static func < (left: Version, right: Version) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension Version: CustomStringConvertible {
    package var description: String { String(rawValue) }
}
