package import Domain

/// What a model remembers of its trainers: which batch of each is next, which were learned, which may not be.
///
/// A function of what was learned (`ordered`), in that order. Reads no clock; times come in as numbers.
package struct TrainerMarks: Sendable {
    package private(set) var trainers: [ModelName: TrainerMark] = [:]

    package init() {}

    package enum Answer: Equatable, Sendable {
        /// It is the trainer's next.
        case next
        /// It came before its predecessors: they are waited for at most `Limits.Training.earlyWait`.
        case early
        case duplicate(Version)
        case gap(next: UInt64)
        /// The sequence was learned with other bytes, or is older than what is remembered.
        case conflict
        /// As many trainers as a model remembers have been heard within the horizon.
        case tooManyTrainers
    }

    /// A batch is offered by a named trainer.
    package mutating func offered(
        by trainer: ModelName, _ sequence: UInt64, digest: UInt64, atMilliseconds now: UInt64
    ) -> Answer {
        let known = trainers[trainer]
        let mark = known ?? TrainerMark()
        return switch mark.look(up: sequence, digest: digest) {
        case .next: known != nil || makeRoom(atMilliseconds: now) ? .next : .tooManyTrainers
        case .ahead(let count) where count <= UInt64(Limits.Training.earlyBatchCountMax): .early
        case .ahead: .gap(next: mark.next)
        case .duplicate(let version): .duplicate(version)
        case .conflict: .conflict
        }
    }

    /// The batch was learned up to `version`. A batch without a good line consumes its number too.
    package mutating func ordered(
        by trainer: ModelName, digest: UInt64, version: Version, atMilliseconds now: UInt64
    ) {
        trainers[trainer, default: TrainerMark()].learned(digest: digest, version: version, atMilliseconds: now)
    }

    mutating func insert(_ mark: TrainerMark, for trainer: ModelName) { trainers[trainer] = mark }

    /// The sequence expected of a trainer.
    package func next(of trainer: ModelName) -> UInt64 { trainers[trainer]?.next ?? 1 }

    private mutating func makeRoom(atMilliseconds now: UInt64) -> Bool {
        guard trainers.count >= Limits.Training.trainerCountMax else { return true }
        let horizon = UInt64(Limits.Training.trainerHorizon.components.seconds) * 1000
        trainers = trainers.filter { now < $0.value.lastSeenMilliseconds + horizon }
        return trainers.count < Limits.Training.trainerCountMax
    }
}
