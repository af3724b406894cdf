internal import Domain

/// How many frames a peer may still send which bring nothing: a token bucket on an injected clock.
///
/// The library limits some floods by its backlog, which stays empty while we drain it;
/// this one counts the frames themselves. Source: after Envoy's and nghttp2's budgets (docs/decisions/0007-http2-limits.md).
package struct FrameBudget: Sendable {
    /// In 0 ... burst.
    package private(set) var tokens = Limits.HTTP.frameBudgetBurst
    /// When `tokens` was last topped up, in nanoseconds of the caller's clock; nil before the first time.
    private var refilledAtNanoseconds: UInt64?

    package init() {}

    /// Adds what has accrued since the last call. A clock that stands still adds nothing.
    package mutating func refill(nowNanoseconds now: UInt64) {
        guard let last = refilledAtNanoseconds else {
            refilledAtNanoseconds = now
            return
        }
        guard now > last else { return }
        let nanosecondsPerToken = 1_000_000_000 / UInt64(Limits.HTTP.frameBudgetPerSecond)
        let earned = (now - last) / nanosecondsPerToken
        guard earned > 0 else { return }
        refilledAtNanoseconds = last + earned * nanosecondsPerToken
        credit(Int(min(earned, UInt64(Limits.HTTP.frameBudgetBurst))))
    }

    /// Takes tokens. - Returns: false when there were too few: the peer is abusive.
    package mutating func charge(_ cost: Int) -> Bool {
        guard tokens >= cost else {
            tokens = 0
            return false
        }
        tokens -= cost
        return true
    }

    package mutating func credit(_ count: Int) {
        tokens = min(Limits.HTTP.frameBudgetBurst, tokens + count)
    }
}
