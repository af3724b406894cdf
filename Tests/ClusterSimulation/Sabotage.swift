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
}
