internal import Domain
internal import Features
internal import Format

/// What a message is in bytes. docs/FORMAT.md, "Messages between server nodes", is the authority.
extension PeerMessage {
    enum Kind: UInt8 {
        case offer = 1
        case grant, outcome, slice, arrived, order, partials, residuals, commit, durable, stable, drop, prepare, joined
        case opened, closed, publish, digest, withdraw, heard, deleted, told, wantsPublish
        case begin, begun, takeSnapshot, snapshotTaken, endSnapshot, pinSnapshot, snapshotPinned
        case wantTape, tapeHeld, offerTape, endTape
    }

    var kind: Kind {
        switch self {
        case .offer: .offer
        case .grant: .grant
        case .outcome: .outcome
        case .slice: .slice
        case .arrived: .arrived
        case .order: .order
        case .partials: .partials
        case .residuals: .residuals
        case .commit: .commit
        case .durable: .durable
        case .stable: .stable
        case .drop: .drop
        case .prepare: .prepare
        case .joined: .joined
        case .opened: .opened
        case .closed: .closed
        case .publish: .publish
        case .digest: .digest
        case .withdraw: .withdraw
        case .heard: .heard
        case .deleted: .deleted
        case .told: .told
        case .wantsPublish: .wantsPublish
        case .begin: .begin
        case .begun: .begun
        case .takeSnapshot: .takeSnapshot
        case .snapshotTaken: .snapshotTaken
        case .endSnapshot: .endSnapshot
        case .pinSnapshot: .pinSnapshot
        case .snapshotPinned: .snapshotPinned
        case .wantTape: .wantTape
        case .tapeHeld: .tapeHeld
        case .offerTape: .offerTape
        case .endTape: .endTape
        }
    }

    func write(to writer: inout FieldWriter) {
        switch self {
        case .offer(let offer): writer.put(offer)
        case .grant(let batch), .arrived(let batch), .drop(let batch), .withdraw(let batch): writer.put(batch)
        case .outcome(let batch, let outcome):
            writer.put(batch)
            writer.put(outcome)
        case .slice(let batch, let slice):
            writer.put(batch)
            writer.put(slice: slice)
        case .order(let batch, let version, let window):
            writer.put(batch)
            writer.put(version.rawValue)
            writer.put(UInt32(window))
        case .partials(let round, let margins):
            writer.put(round)
            writer.put(UInt32(margins.count))
            writer.put(margins, first: margins.count)
        case .residuals(let told):
            writer.put(told.round)
            writer.put(UInt32(told.accepted))
            writer.put(UInt32(told.window))
            writer.put(UInt32(told.residuals.count))
            writer.put(told.residuals, first: told.residuals.count)
        case .commit(let header): header.write(to: &writer)
        case .durable(let number, let hash, let clampedCount):
            writer.put(number)
            writer.put(hash)
            writer.put(UInt32(clamping: clampedCount))
        case .stable(let number), .endSnapshot(let number): writer.put(number)
        case .prepare(let identity), .opened(let identity): writer.put(identity)
        case .joined(let joined):
            writer.put(joined.fingerprint.rawValue)
            writer.put(joined.number)
            writer.put(joined.hash)
            writer.put(joined.stableNumber)
        case .begin(let number, let hash):
            writer.put(number)
            writer.put(hash)
        case .closed(let reason): writer.put(reason)
        case .pinSnapshot(let command, let number):
            writer.put(command)
            writer.put(number)
        case .snapshotPinned(let command, let failure):
            writer.put(command)
            writer.put(failure ?? "")
        case .wantTape(let command, let trainer, let batches):
            writer.put(command)
            writer.put(trainer.text)
            writer.put(batches)
        case .tapeHeld(let command, let held):
            writer.put(command)
            writer.put(held.problem ?? "")
            writer.put(held.ofTrainer)
        case .offerTape(let command, let batch):
            writer.put(command)
            writer.put(batch)
        case .heard, .deleted, .told, .wantsPublish, .begun, .takeSnapshot, .snapshotTaken, .endTape: break
        case .publish(let publish):
            writer.put(publish.number)
            writer.put(publish.watermarkMilliseconds)
            writer.put(UInt8(publish.digestsAllRows ? 1 : 0))
        case .digest(let number, let digest):
            writer.put(number)
            writer.put(digest.sum)
        }
    }

    init(_ kind: Kind, from reader: inout FieldReader) throws(FormatError) {
        switch kind {
        case .offer: self = .offer(try reader.takeOffer())
        case .grant: self = .grant(try reader.takeBatchID())
        case .outcome: self = .outcome(try reader.takeBatchID(), try reader.takeOutcome())
        case .slice: self = .slice(try reader.takeBatchID(), try reader.takeSlice())
        case .arrived: self = .arrived(try reader.takeBatchID())
        case .order:
            self = .order(
                try reader.takeBatchID(), version: Version(try reader.take()), window: try reader.takeCount())
        case .partials:
            let round = try reader.take(UInt64.self)
            self = .partials(round: round, margins: try reader.take(try reader.takeCount(), like: 0.0))
        case .residuals:
            self = .residuals(
                Residuals(
                    round: try reader.take(), accepted: try reader.takeCount(), window: try reader.takeCount(),
                    residuals: try reader.take(try reader.takeCount(), like: Float(0))))
        case .commit: self = .commit(try CommitHeader(from: &reader))
        case .durable:
            self = .durable(
                number: try reader.take(), hash: try reader.take(),
                clampedCount: Int(try reader.take(UInt32.self)))
        case .stable: self = .stable(number: try reader.take())
        case .drop: self = .drop(try reader.takeBatchID())
        case .withdraw: self = .withdraw(try reader.takeBatchID())
        case .heard: self = .heard
        case .deleted: self = .deleted
        case .told: self = .told
        case .wantsPublish: self = .wantsPublish
        case .prepare: self = .prepare(try reader.takeIdentity())
        case .joined:
            self = .joined(
                Joined(
                    fingerprint: Fingerprint(try reader.take()), number: try reader.take(), hash: try reader.take(),
                    stableNumber: try reader.take()))
        case .begin: self = .begin(number: try reader.take(), hash: try reader.take())
        case .begun: self = .begun
        case .takeSnapshot: self = .takeSnapshot
        case .snapshotTaken: self = .snapshotTaken
        case .endSnapshot: self = .endSnapshot(number: try reader.take())
        case .pinSnapshot: self = .pinSnapshot(command: try reader.take(), number: try reader.take())
        case .snapshotPinned:
            let (command, failure) = (try reader.take(UInt32.self), try reader.takeText())
            self = .snapshotPinned(command: command, failure: failure.isEmpty ? nil : failure)
        case .offerTape: self = .offerTape(command: try reader.take(), try reader.takeBatchID())
        case .endTape: self = .endTape
        case .wantTape:
            let command = try reader.take(UInt32.self)
            guard let trainer = ModelName(try reader.takeText()) else {
                throw .corrupt(what: "a trainer's name is not one")
            }
            self = .wantTape(command: command, of: trainer, try reader.takeBatchIDs())
        case .tapeHeld:
            let (command, problem) = (try reader.take(UInt32.self), try reader.takeText())
            self = .tapeHeld(
                command: command,
                TapeHeld(ofTrainer: try reader.takeBatchIDs(), problem: problem.isEmpty ? nil : problem))
        case .opened: self = .opened(try reader.takeIdentity())
        case .closed: self = .closed(reason: try reader.takeText())
        case .publish:
            self = .publish(
                Publish(
                    number: try reader.take(), watermarkMilliseconds: try reader.take(),
                    digestsAllRows: try reader.takeFlag()))
        case .digest: self = .digest(number: try reader.take(), WeightDigest(sum: try reader.take()))
        }
    }
}

extension FieldWriter {
    mutating func put(_ batch: BatchID) {
        put(UInt32(batch.node))
        put(batch.number)
    }

    fileprivate mutating func put(_ batches: [BatchID]) {
        put(UInt32(batches.count))
        for batch in batches { put(batch) }
    }

    fileprivate mutating func put(_ offer: BatchOffer) {
        put(offer.batch)
        put(offer.body)
        put(offer.name)
        put(UInt32(offer.byteCount))
        put(UInt32(offer.featureCount))
        put(offer.isReplay)
        put(offer.isFollowed)
        put(UInt32(offer.examples.exampleCount))
        put(offer.examples.labels, first: offer.examples.exampleCount)
        put(offer.examples.importances, first: offer.examples.exampleCount)
    }

    /// Ends of the examples' features, then their rows, then their values unless all are 1.
    mutating func put(slice: ExampleBatch) {
        let isPlain = slice.hasOnlyOnes
        put(UInt32(slice.exampleCount))
        put(UInt32(slice.featureCount))
        put(UInt8(isPlain ? 0 : 1))
        put(slice.offsets, 1..<slice.exampleCount + 1)
        put(slice.indices, first: slice.featureCount)
        if !isPlain { put(slice.values, first: slice.featureCount) }
    }

    fileprivate mutating func put(_ outcome: BatchOutcome) {
        switch outcome {
        case .learned(let version, let history): put(0, version.rawValue, history.rawValue, "")
        case .duplicate(let version, let history): put(1, version.rawValue, history.rawValue, "")
        case .gap(let next): put(2, next, 0, "")
        case .conflict: put(3, 0, 0, "")
        case .refused(let reason): put(4, 0, 0, reason)
        }
    }

    private mutating func put(_ kind: UInt8, _ first: UInt64, _ second: UInt64, _ text: String) {
        put(kind)
        put(first)
        put(second)
        put(text)
    }

    mutating func put(_ identity: ModelIdentity) {
        put(identity.name.text)
        put(identity.spec)
        put(identity.fingerprint.rawValue)
        put(UInt32(identity.owners.count))
        for owner in identity.owners { put(UInt32(owner)) }
    }
}

extension FieldReader {
    fileprivate mutating func takeCount() throws(FormatError) -> Int { Int(try take(UInt32.self)) }

    mutating func takeFlag() throws(FormatError) -> Bool {
        switch try take(UInt8.self) {
        case 0: false
        case 1: true
        case let other: throw .corrupt(what: "a flag is \(other)")
        }
    }

    mutating func takeBatchID() throws(FormatError) -> BatchID {
        BatchID(node: try takeCount(), number: try take())
    }

    fileprivate mutating func takeBatchIDs() throws(FormatError) -> [BatchID] {
        var batches: [BatchID] = []
        for _ in 0..<(try takeCount()) { batches.append(try takeBatchID()) }
        return batches
    }

    fileprivate mutating func takeOffer() throws(FormatError) -> BatchOffer {
        let (batch, body, name) = (try takeBatchID(), try take(UInt64.self), try takeBatchName())
        let (byteCount, featureCount) = (try takeCount(), try takeCount())
        let (isReplay, isFollowed, count) = (try takeFlag(), try takeFlag(), try takeCount())
        let labels = try take(count, like: Float(0))
        guard let examples = ExampleBatch(labels: labels, importances: try take(count, like: Float(0))) else {
            throw .corrupt(what: "a label is not 0 or 1, or an importance out of range")
        }
        var offer = BatchOffer(
            batch: batch, body: body, name: name, byteCount: byteCount, featureCount: featureCount, examples: examples)
        (offer.isReplay, offer.isFollowed) = (isReplay, isFollowed)
        return offer
    }

    mutating func takeSlice() throws(FormatError) -> ExampleBatch {
        let (exampleCount, featureCount, hasValues) = (try takeCount(), try takeCount(), try takeFlag())
        let ends = try take(exampleCount, like: UInt32(0))
        let rows = try take(featureCount, like: UInt32(0))
        let values = hasValues ? try take(featureCount, like: Float(0)) : []
        guard let slice = ExampleBatch(ends: ends, indices: rows, values: values) else {
            throw .corrupt(what: "a slice's features do not fit its examples, or a value is out of range")
        }
        return slice
    }

    fileprivate mutating func takeOutcome() throws(FormatError) -> BatchOutcome {
        let (kind, first, second) = (try take(UInt8.self), try take(UInt64.self), try take(UInt64.self))
        let text = try takeText()
        switch kind {
        case 0: return .learned(Version(first), History(second))
        case 1: return .duplicate(Version(first), History(second))
        case 2: return .gap(next: first)
        case 3: return .conflict
        case 4: return .refused(text)
        default: throw .unsupported(what: "an outcome of kind \(kind)")
        }
    }

    mutating func takeIdentity() throws(FormatError) -> ModelIdentity {
        let text = try takeText()
        guard let name = ModelName(text) else { throw .corrupt(what: "a model's name is not one") }
        let (spec, fingerprint) = (try takeText(), Fingerprint(try take()))
        let count = try takeCount()
        guard (1...Limits.Group.nodeCountMax).contains(count), count & (count - 1) == 0 else {
            throw .corrupt(what: "a model of \(count) owners")
        }
        var owners: [Int] = []
        for _ in 0..<count { owners.append(try takeCount()) }
        return ModelIdentity(name: name, spec: spec, fingerprint: fingerprint, owners: owners)
    }
}
