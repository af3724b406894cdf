internal import Domain
internal import Features
internal import Format
internal import Learning
internal import ParameterServer
internal import TestSupport
internal import Testing
internal import Transport

/// The page's message of a kind.
struct MessageExample: Sendable, CustomTestStringConvertible {
    let kind: UInt8
    let name: String
    let message: PeerMessage
    let history: History

    private init(_ kind: UInt8, _ name: String, _ message: PeerMessage, under history: History = Self.history) {
        self.kind = kind
        self.name = name
        self.message = message
        self.history = history
    }

    var testDescription: String { name }
    var bytes: [UInt8] { Envelope(history, message).bytes }

    static let history = History(0x0123_4567_89AB_CDEF)
    static let fingerprint = Fingerprint(0xFEDC_BA98_7654_3210)
    static let batch = BatchID(node: 2, number: 7)
    static let trainer = Offer.Name(trainer: ModelName("robot")!, sequence: 5, digest: 0x0011_2233_4455_6677)
    static let offer = BatchOffer(
        batch: batch, body: 4, name: trainer, byteCount: 40, featureCount: 6,
        examples: ExampleBatch(labels: [1, 0, 1], importances: [1, 2.5, 1])!)
    static let slice = ExampleBatch(ends: [2, 2, 4], indices: [5, 9, 5, 1023], values: [1, 0.5, 1, -2])!
    static let header: CommitHeader = {
        var header = plainHeader
        header.standing = Standing(.ftrl(alpha: 0.25, beta: 1, l1: 0.5, l2: 0))
        (header.republishes, header.restores) = (true, 4)
        return header
    }()
    private static let plainHeader = CommitHeader(
        history: history, epoch: 1, number: 9, previousHash: 0x8877_6655_4433_2211, stableNumber: 8,
        version: Version(1003), exampleCount: 1003, acceptedLately: 3 << 16, windowMax: 28, fingerprint: fingerprint,
        atMilliseconds: 1_700_000_000_000, publishedVersion: Version(1000), total: sums(1003, 250.5, 200, 201.25),
        window: sums(3, 1.5, 2, 1.75), batches: [CommitHeader.Batch(id: batch, name: trainer, exampleCount: 3)])
    static let identity = ModelIdentity(
        name: ModelName("clicks")!, spec: "name: clicks\nbits: 12\n", fingerprint: fingerprint, owners: [1, 0])
    static let digest = WeightDigest(sum: UInt128(0x95F2_8283_54A4_CC0A) << 64 | UInt128(0x193B_D345_2C87_656B))

    private static func sums(_ weight: Double, _ loss: Double, _ label: Double, _ prediction: Double) -> Validation.Sums
    {
        var sums = Validation.Sums()
        (sums.weight, sums.loss, sums.label, sums.prediction) = (weight, loss, label, prediction)
        return sums
    }

    static let all: [MessageExample] = [
        MessageExample(1, "offer", .offer(offer)),
        MessageExample(2, "grant", .grant(batch)),
        MessageExample(3, "outcome", .outcome(batch, .learned(Version(1003), history))),
        MessageExample(4, "slice", .slice(batch, slice)),
        MessageExample(5, "arrived", .arrived(batch)),
        MessageExample(6, "order", .order(batch, version: Version(1000), window: 3)),
        MessageExample(7, "partials", .partials(round: 40, margins: [0.25, -1.5, 0])),
        MessageExample(
            8, "residuals", .residuals(Residuals(round: 40, accepted: 1, window: 2, residuals: [0.5]))),
        MessageExample(9, "commit", .commit(header)),
        MessageExample(10, "durable", .durable(number: 9, hash: header.hash, clampedCount: 2)),
        MessageExample(11, "stable", .stable(number: 9)),
        MessageExample(12, "drop", .drop(batch)),
        MessageExample(13, "prepare", .prepare(identity)),
        MessageExample(
            14, "joined",
            .joined(Joined(fingerprint: fingerprint, number: 9, hash: header.hash, stableNumber: 8))),
        MessageExample(15, "opened", .opened(identity)),
        MessageExample(16, "closed", .closed(reason: "its node stops")),
        MessageExample(
            17, "publish",
            .publish(Publish(number: 9, watermarkMilliseconds: 1_700_000_000_000, digestsAllRows: true))),
        MessageExample(18, "digest", .digest(number: 9, digest)),
        MessageExample(19, "withdraw", .withdraw(batch)),
        MessageExample(20, "heard", .heard),
        MessageExample(21, "deleted", .deleted),
        MessageExample(22, "told", .told, under: History(0)),
        MessageExample(23, "wantsPublish", .wantsPublish),
        MessageExample(24, "begin", .begin(number: 9, hash: header.hash)),
        MessageExample(25, "begun", .begun),
        MessageExample(26, "takeSnapshot", .takeSnapshot),
        MessageExample(27, "snapshotTaken", .snapshotTaken),
        MessageExample(28, "endSnapshot", .endSnapshot(number: 9)),
        MessageExample(29, "pinSnapshot", .pinSnapshot(command: 6, number: 4)),
        MessageExample(30, "snapshotPinned", .snapshotPinned(command: 6, failure: "it keeps none")),
        MessageExample(31, "wantTape", .wantTape(command: 6, of: trainer.trainer, [batch])),
        MessageExample(32, "tapeHeld", .tapeHeld(command: 6, TapeHeld(ofTrainer: [batch]))),
        MessageExample(33, "offerTape", .offerTape(command: 6, batch)),
        MessageExample(34, "endTape", .endTape),
    ]
}
