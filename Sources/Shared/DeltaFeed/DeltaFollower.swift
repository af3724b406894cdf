package import Domain
package import Format

/// Decides what a follower does with each record of a feed. It holds no rows and reads no clock.
///
///     waiting ──copyBegin──▶ copying ──copyEnd──▶ following ──delta──▶ following
///        ▲                      │                     │
///        └──── anything that does not fit: resync ◀───┘
package enum DeltaFollower: ~Copyable, Sendable {
    /// Holds nothing that a delta could follow.
    case waiting
    /// Takes in a copy; the deltas between its chunks lead up to `version`.
    case copying(History, version: Version)
    /// Holds exactly `version`.
    case following(History, version: Version)

    package enum Action: Equatable, Sendable {
        case takeSpec
        /// Begin a copy into an empty table.
        case beginCopy
        /// Apply the rows to the copy.
        case applyToCopy
        /// The copy is whole and is this version.
        case finishCopy
        /// Apply the rows; readers may see them afterwards.
        case apply
        /// Nothing changed but the watermark (and perhaps a digest to compare).
        case noteHeartbeat
        /// A row set that is already in.
        case ignore
        /// The stream does not fit what is held: begin again with a copy.
        case resync(String)
    }

    /// Where a new connection may continue.
    package var position: (history: History, version: Version)? {
        switch self {
        case .following(let history, let version): (history, version)
        default: nil
        }
    }

    package mutating func received(_ header: RecordHeader) -> Action {
        let (kind, stamp) = (header.kind, header.stamp)
        if kind == .spec { return .takeSpec }
        if kind == .copyBegin {
            self = .copying(stamp.history, version: stamp.version)
            return .beginCopy
        }
        switch consume self {
        case .copying(let history, let version) where kind == .chunk && history == stamp.history:
            self = .copying(history, version: version)
            return .applyToCopy
        case .copying(let history, let version)
        where kind == .delta && history == stamp.history && stamp.baseVersion == version:
            self = .copying(history, version: stamp.version)
            return .applyToCopy
        case .copying(let history, let version)
        where kind == .copyEnd && history == stamp.history && stamp.version == version:
            self = .following(history, version: version)
            return .finishCopy
        case .following(let history, let version)
        where kind == .delta && history == stamp.history && stamp.baseVersion == version:
            self = .following(history, version: stamp.version)
            return .apply
        case .following(let history, let version)
        where kind == .delta && history == stamp.history && stamp.version <= version:
            self = .following(history, version: version)
            return .ignore
        case .following(let history, let version)
        where kind == .heartbeat && history == stamp.history && stamp.version == version:
            self = .following(history, version: version)
            return .noteHeartbeat
        default:
            self = .waiting
            return .resync("\(kind) \(stamp.baseVersion)→\(stamp.version) of history \(stamp.history) does not fit")
        }
    }

    /// The rows held are not the server's: only a copy helps.
    package mutating func lost() { self = .waiting }

    /// The connection ended: a copy that was under way is void, whole versions stay.
    package mutating func disconnected() {
        switch consume self {
        case .following(let history, let version): self = .following(history, version: version)
        default: self = .waiting
        }
    }
}
