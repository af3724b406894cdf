/// Rules of the protocol, each taken out by what it forbids being done to the messages: the product's code has no switch
/// that would turn one off.
package enum Sabotage: String, CaseIterable, Sendable {
    /// F8, deliver then order: the clock is told at once that every owner has the slice.
    case ordersBeforeDelivery
    /// F9, grants: an intake sends slices without one.
    case deliversWithoutGrant
    /// F11, sequence: the clock does not see trainers' numbers.
    case forgetsNames
    /// F3: a commit falls into a batch.
    case commitsInsideBatches
    /// Stable: the clock is told that every owner has learned a commit when it is decided.
    case acknowledgesBeforeLearned
    /// One publish commit on all owners: one owner hears of a publish a commit later.
    case publishesElsewhere
    /// Settled rounds: one example more is accepted than has settled.
    case acceptsUnsettled
    /// A worker shows a part as soon as it is in.
    case showsParts
    /// A lost connection is repaired by resending.
    case doesNotResend
    /// Messages that arrived are not sent again.
    case resendsEverything
    /// F1: an epoch begins behind the clock's last commit, though an owner's disk ends before it.
    case beginsAtTheLatest
    /// F3, F5: an owner says durable when a commit was given to its disk.
    case acknowledgesBeforeSync
    /// F6: a disk that was replaced counts as one that nothing was ever on.
    case forgetsTheFloor
    /// F47: a snapshot that a commit restores is removed when two later ones are kept.
    case forgetsRestored
    /// F7: an owner has begun before its disk says which commits are void.
    case ordersBeforeCut

    var needsJournal: Bool {
        switch self {
        case .beginsAtTheLatest, .acknowledgesBeforeSync, .forgetsTheFloor, .ordersBeforeCut,
            .forgetsRestored:
            true
        default: false
        }
    }
}
