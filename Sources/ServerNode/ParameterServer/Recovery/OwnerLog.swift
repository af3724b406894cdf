internal import Domain

/// What an owner's disk holds of a model, or will when everything given to the journal is written.
package struct OwnerLog: Sendable, Equatable {
    /// The epoch joined last.
    package var epoch: UInt32
    /// The highest commit known to be durable at all owners.
    package var stableNumber: UInt64
    /// The last commits: an epoch begins at one of these, as at most `unstableCommitCountMax` are above what is stable.
    private var recent: [(number: UInt64, hash: UInt64)] = []

    static let rememberedCount = Limits.Group.unstableCommitCountMax + 2

    package init(epoch: UInt32 = 0, stableNumber: UInt64 = 0) {
        (self.epoch, self.stableNumber) = (epoch, stableNumber)
    }

    /// The last commit; 0 before the first.
    package var number: UInt64 { recent.last?.number ?? 0 }
    package var hash: UInt64 { recent.last?.hash ?? 0 }

    package mutating func append(_ number: UInt64, _ hash: UInt64) {
        recent.append((number, hash))
        if recent.count > Self.rememberedCount { recent.removeFirst() }
    }

    /// The hash of a commit's header; nil for one that this disk does not hold, or holds and no longer remembers.
    package func hash(of number: UInt64) -> UInt64? {
        number == 0 ? 0 : recent.last { $0.number == number }?.hash
    }

    /// Commits above this one are void.
    package mutating func cut(to number: UInt64) { recent.removeAll { $0.number > number } }

    package static func == (a: OwnerLog, b: OwnerLog) -> Bool {
        a.epoch == b.epoch && a.stableNumber == b.stableNumber
            && a.recent.elementsEqual(b.recent) { $0.number == $1.number && $0.hash == $1.hash }
    }
}
