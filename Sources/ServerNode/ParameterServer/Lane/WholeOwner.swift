package import DeltaFeed
package import Domain
package import Features
package import Learning
package import Transport

/// The only owner of a model: plain sequential learning, and the publisher of what it changes.
package struct WholeOwner: ~Copyable {
    package private(set) var learner: Learner
    package private(set) var publisher: Publisher
    /// Batches whose features came from another node's intake.
    private var parked: [BatchID: ExampleBatch] = [:]

    package init(_ spec: ModelSpec, history: History) {
        learner = Learner(spec)
        publisher = Publisher(spec, history: history, version: .zero)
    }

    package mutating func park(_ slice: ExampleBatch, of batch: BatchID) throws(ShardOwner.Contradiction) {
        guard slice.fits(rowCount: learner.rows.count) else {
            throw .init("a slice of batch \(batch) has an index that the model has not")
        }
        parked[batch] = slice
    }

    package mutating func drop(_ batch: BatchID) { parked[batch] = nil }

    /// Learns a batch: the offer's own features, or those parked for it.
    package mutating func learn(_ batch: BatchID, _ offer: BatchOffer) throws(ShardOwner.Contradiction) {
        if var slice = parked.removeValue(forKey: batch) {
            guard slice.exampleCount == offer.examples.exampleCount else {
                throw .init(
                    "batch \(batch) has \(slice.exampleCount) examples and \(offer.examples.exampleCount) labels")
            }
            slice.setLabels(of: offer.examples)
            learn(slice)
        } else {
            learn(offer.examples)
        }
    }

    private mutating func learn(_ batch: ExampleBatch) {
        learner.learn(batch)
        publisher.learned(batch)
    }

    /// Whether nothing changed since the last publish, and no digest over all rows is wanted.
    func isHeartbeat(_ publish: Publish) -> Bool { version == publisher.version && !publish.digestsAllRows }

    /// Whether the last publish was of what the rows hold.
    var isPublished: Bool { version == publisher.version }

    package var version: Version { Version(learner.exampleCount) }

    /// The rows changed since the last publish, or a heartbeat.
    package mutating func publish(_ publish: Publish) -> FeedPart<Bytes> {
        if isHeartbeat(publish) {
            return publisher.heartbeat(watermarkMilliseconds: publish.watermarkMilliseconds)
        }
        return publisher.publish(
            learner.rows, at: version, watermarkMilliseconds: publish.watermarkMilliseconds,
            digestsAllRows: publish.digestsAllRows)
    }
}
