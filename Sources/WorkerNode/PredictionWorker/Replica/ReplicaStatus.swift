package import Domain
package import Format

/// A digest over all rows.
package struct WholeDigest: Sendable {
    package var digest: WeightDigest
    package var version: Version
    package var history: History
    /// Whether it was the servers'; nil when they named none at that version.
    package var isEqual: Bool?
}

/// What a worker tells about a model it follows.
package struct ReplicaStatus: Sendable {
    package var spec: ModelSpec?
    package var history: History?
    package var version = Version.zero
    package var watermarkMilliseconds: UInt64 = 0
    /// Whether the feeds of all owners are open, how many there are, and how many are open.
    package var isConnected = false
    package var ownerCount = 1
    package var connectedOwnerCount = 0
    package var copyCount = 0
    package var appliedRowCount: UInt64 = 0
    package var comparedDigestCount = 0
    package var digestMismatchCount = 0
    package var wholeDigest: WholeDigest?

    package init() {}
}
