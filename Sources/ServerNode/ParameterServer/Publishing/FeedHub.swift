package import DeltaFeed
package import Domain
package import Transport

/// Where a lane's publishes meet the followers: a ring of encoded parts, and who to wake.
///
/// The lane appends; each follower's stream reads on its own event loop.
package final class FeedHub: Sendable {
    private struct State {
        var ring: PartRing<Bytes>
        var heartbeat: FeedPart<Bytes>?
        var followers: [UInt64: @Sendable () -> Void] = [:]
        var nextFollower: UInt64 = 0
        var isEnded = false
    }
    package let history: History
    private let state: Locked<State>

    package init(history: History, version: Version) {
        self.history = history
        state = Locked(State(ring: PartRing(version: version, byteCountMax: Limits.Feed.ringByteCountMax)))
    }

    /// The model was read from a disk up to a version behind the ring: followers of that version go on, others need a copy.
    package func begin(at version: Version) {
        let wake = state.withLockedValue { state -> [@Sendable () -> Void] in
            guard state.ring.version < version else { return [] }
            state.ring.begin(at: version)
            state.heartbeat = nil
            return Array(state.followers.values)
        }
        for follower in wake { follower() }
    }

    package func append(_ part: FeedPart<Bytes>) {
        let wake = state.withLockedValue { state in
            state.ring.append(part)
            state.heartbeat = nil
            return Array(state.followers.values)
        }
        for follower in wake { follower() }
    }

    /// The newest heartbeat: for followers that have everything.
    package func beat(_ heartbeat: FeedPart<Bytes>) {
        let wake = state.withLockedValue { state in
            state.heartbeat = heartbeat
            return Array(state.followers.values)
        }
        for follower in wake { follower() }
    }

    package func part(_ number: UInt64) -> PartRing<Bytes>.Lookup {
        state.withLockedValue { $0.ring.part(number) }
    }

    package var heartbeat: FeedPart<Bytes>? { state.withLockedValue { $0.heartbeat } }

    package func number(after version: Version) -> UInt64? {
        state.withLockedValue { $0.ring.number(after: version) }
    }

    package var position: (version: Version, endNumber: UInt64) {
        state.withLockedValue { ($0.ring.version, $0.ring.endNumber) }
    }

    package var followerCount: Int { state.withLockedValue { $0.followers.count } }

    /// The model is gone: every follower's stream ends.
    package func end() {
        let wake = state.withLockedValue { state in
            state.isEnded = true
            return Array(state.followers.values)
        }
        for follower in wake { follower() }
    }

    package var isEnded: Bool { state.withLockedValue { $0.isEnded } }

    /// Registers a follower; `wake` is called from the lane's thread after each publish and heartbeat.
    package func add(_ wake: @escaping @Sendable () -> Void) -> UInt64 {
        state.withLockedValue { state in
            state.nextFollower += 1
            state.followers[state.nextFollower] = wake
            return state.nextFollower
        }
    }

    package func remove(_ follower: UInt64) {
        state.withLockedValue { _ = $0.followers.removeValue(forKey: follower) }
    }
}
