package import Domain

/// Batches that came before their predecessors, waiting for them.
package struct EarlyBatches<Batch: Sendable>: Sendable {
    private struct Place: Hashable {
        var trainer: ModelName
        var sequence: UInt64
    }
    private struct Waiting {
        var batch: Batch
        var untilMilliseconds: UInt64
    }
    private var waiting: [Place: Waiting] = [:]

    package init() {}
    package var isEmpty: Bool { waiting.isEmpty }
    package var count: Int { waiting.count }

    /// Parks a batch. Answers the one that was parked under the same number: its retry takes its place.
    package mutating func park(
        _ batch: Batch, _ trainer: ModelName, _ sequence: UInt64, untilMilliseconds: UInt64
    ) -> Batch? {
        waiting.updateValue(
            Waiting(batch: batch, untilMilliseconds: untilMilliseconds),
            forKey: Place(trainer: trainer, sequence: sequence))?
            .batch
    }

    /// Takes out the batch whose turn has come, if it waits.
    package mutating func take(_ trainer: ModelName, _ sequence: UInt64) -> Batch? {
        waiting.removeValue(forKey: Place(trainer: trainer, sequence: sequence))?.batch
    }

    /// Takes out the batches that waited long enough, in the order of their numbers.
    package mutating func takeExpired(atMilliseconds now: UInt64) -> [(
        trainer: ModelName, sequence: UInt64, batch: Batch
    )] {
        let places = waiting.filter { $0.value.untilMilliseconds <= now }.keys
            .sorted { ($0.trainer, $0.sequence) < ($1.trainer, $1.sequence) }
        return places.compactMap { place in
            waiting.removeValue(forKey: place).map { (place.trainer, place.sequence, $0.batch) }
        }
    }
}
