internal import Domain
internal import Features
internal import Transport

/// A batch of this node's intake on its way to its owners: what the clock is told, and the slices that wait for its grant.
///
/// Made on the thread that parsed the batch, so that slicing costs no round its time.
struct PendingOffer: Sendable {
    let batch: BatchID
    let offer: Offer
    let batchOffer: BatchOffer
    private let slices: Slices?

    struct Slices: Sendable {
        /// For the owner on this node.
        var own: ExampleBatch?
        /// Messages for owners elsewhere, by node.
        var remote: [(node: Int, bytes: Bytes)] = []
    }

    init(
        _ offer: Offer, as batch: BatchID, _ identity: ModelIdentity, _ history: History, epoch: UInt32, node: Int,
        isReplay: Bool = false
    ) {
        self.batch = batch
        self.offer = offer
        // The only owner, here: the offer is the batch.
        let isWhole = identity.owners == [node]
        var batchOffer = BatchOffer(
            batch: batch, body: offer.body.number, name: offer.name, byteCount: offer.byteCount,
            featureCount: offer.batch.featureCount,
            examples: isWhole ? offer.batch : offer.batch.withoutFeatures)
        (batchOffer.isReplay, batchOffer.isFollowed) = (isReplay, offer.isFollowed)
        self.batchOffer = batchOffer
        guard !isWhole else {
            slices = nil
            return
        }
        var slices = Slices()
        for (owner, slice) in zip(identity.owners, offer.batch.slices(identity.owners.count)) {
            if owner == node {
                slices.own = slice
            } else {
                let message = Envelope(history, epoch: epoch, .slice(batch, slice))
                slices.remote.append((owner, Bytes(bytes: message.bytes)))
            }
        }
        self.slices = slices
    }

    /// The slices, as messages of the epoch that granted them. They are kept until the batch is answered: in a later epoch
    /// they are sent again.
    func slices(_ epoch: UInt32) -> Slices? {
        guard var slices else { return nil }
        for place in slices.remote.indices { slices.remote[place].bytes.restampEnvelope(epoch) }
        return slices
    }
}
