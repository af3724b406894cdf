/// What a record says. The raw value is its byte in the header.
package enum RecordKind: UInt8, Sendable, CaseIterable {
    /// The model's spec; the payload is YAML in UTF-8.
    case spec = 1
    /// The rows that changed after the base version, with their values at the version.
    case delta = 2
    /// A copy begins: chunks of all rows follow, and deltas between them.
    case copyBegin = 3
    /// Some rows of a copy, as they were at the version.
    case chunk = 4
    /// The copy is complete and is exactly the version.
    case copyEnd = 5
    /// Nothing changed since the version, and the watermark moved on.
    case heartbeat = 6

    /// Whether the payload is rows.
    package var carriesRows: Bool { self == .delta || self == .chunk }
}

/// Which floats, IEEE 754 singles, a record keeps for each row. The raw value is its byte in the header.
package enum RecordColumns: UInt8, Sendable {
    /// The record has no rows.
    case none = 0
    /// The weight: what followers need.
    case weights = 1
    /// The two that the learner keeps, weights and optimiser state: what a disk needs.
    case state = 2
    /// As `state`, of a learner that keeps three.
    case wideState = 3

    package var floatCount: Int {
        switch self {
        case .none: 0
        case .weights: 1
        case .state: 2
        case .wideState: 3
        }
    }
}
