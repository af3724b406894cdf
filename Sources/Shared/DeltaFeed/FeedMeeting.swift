package import Domain

/// Where the feeds of a model's owners stand, and when what they brought may be shown: when all stand at one version.
///
/// Owners publish at the same commits, so feeds meet: one that is ahead is not read until the others have caught up.
/// One that holds no whole version yet, or another history, holds nobody up: its copy may take long, and what is not
/// read meanwhile would fall out of the ring.
package struct FeedMeeting: Sendable {
    package struct Position: Hashable, Sendable {
        package var history: History
        package var version: Version

        package init(history: History, version: Version) {
            self.history = history
            self.version = version
        }
    }

    /// By owner; nil for one that holds no whole version.
    private var positions: [Position?]
    package private(set) var shown: Position?

    package init(ownerCount: Int) { positions = Array(repeating: nil, count: ownerCount) }

    package var ownerCount: Int { positions.count }

    /// What an owner's feed has brought now leads to this position, or to none.
    package mutating func moved(_ owner: Int, to position: Position?) { positions[owner] = position }

    /// Whether an owner's feed is among those furthest behind.
    package func mayRead(_ owner: Int) -> Bool {
        guard let own = positions[owner] else { return true }
        return !positions.contains { other in
            guard let other else { return false }
            return other.history == own.history && other.version < own.version
        }
    }

    /// The position that all owners have reached and nobody has been shown, if there is one.
    package var met: Position? {
        guard let first = positions.first ?? nil, first != shown else { return nil }
        return positions.allSatisfy { $0 == first } ? first : nil
    }

    /// What is shown is not the owners': the next meeting is shown, wherever it is.
    package mutating func doubt() { shown = nil }

    /// Readers see `met` now.
    package mutating func show() { shown = met ?? shown }
}
