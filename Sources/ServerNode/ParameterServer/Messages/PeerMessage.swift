package import Domain
package import Features
package import Format

/// What server nodes say to each other about a model. C is the clock, I an intake, O an owner; the numbers are those of
/// docs/decisions/0010-groups.md.
package enum PeerMessage: Sendable {
    /// 1, I→C. A batch is parsed and waits; the clock gets its labels.
    case offer(BatchOffer)
    /// 2, C→I. Every owner keeps a place for the batch: send the slices.
    case grant(BatchID)
    /// I→C. The intake has given the batch up: forget it, unless it is ordered.
    case withdraw(BatchID)
    /// 2 and 9, C→I. What became of the batch: learned by all, or not taken.
    case outcome(BatchID, BatchOutcome)
    /// 3, I→O, on the bulk link. One owner's features of the batch; its labels stay with the clock.
    case slice(BatchID, ExampleBatch)
    /// 4, O→C.
    case arrived(BatchID)
    /// 5, C→O. The batch is next: pass the first window. `version` is that of its first example.
    case order(BatchID, version: Version, window: Int)
    /// 6, O→C. Partial margins of the window of this round. Shape [window].
    case partials(round: UInt64, margins: [Double])
    /// 7, C→O.
    case residuals(Residuals)
    /// 7, C→O. The batch is over and this is its header.
    case commit(CommitHeader)
    /// 8, O→C. The commit and everything before it are on this owner's disk.
    case durable(number: UInt64, hash: UInt64, clampedCount: Int)
    /// 9, C→O. The commit is durable on all owners: what was published of it may go out.
    case stable(number: UInt64)
    /// 10, C→O. The batch will not be ordered: forget its slice.
    case drop(BatchID)
    /// 11, C→O. An epoch begins: stop, and tell what the disk holds. Of a new model: make room for a shard.
    case prepare(ModelIdentity)
    /// 11, O→C. Nothing of an earlier epoch is taken any more.
    case joined(Joined)
    /// 12, C→O. The epoch begins behind this commit: forget those above it.
    case begin(number: UInt64, hash: UInt64)
    /// 12, O→C. The rows are those of that commit, and the disk says so.
    case begun
    /// C→ every node. All owners have begun: the model is open, and batches that wait are offered again.
    case opened(ModelIdentity)
    /// Every node→C, after `opened`. It takes traffic for the model.
    case heard
    /// C→ every node, and a node that finds a contradiction →C. The model cannot go on; why, in a sentence.
    case closed(reason: String)
    /// C→ every node. The model is gone.
    case deleted
    /// Any→ a node just met, under no history. It has been told of every model whose clock is here.
    case told
    /// C→O, between two batches. Hand the rows changed since the last publish to the followers.
    case publish(Publish)
    /// O→C. A copy of this owner's rows waits for a publish.
    case wantsPublish
    /// C→O. Write the rows out, beside everything else.
    case takeSnapshot
    /// O→C. The last chunk is taken.
    case snapshotTaken
    /// C→O, between two batches. The snapshot is this commit, the last one.
    case endSnapshot(number: UInt64)
    /// C→O. Is the snapshot of this commit here, whole? It is kept until two others were asked for. What an operator's
    /// command asks for carries the command's number in its epoch, and so do the answers.
    case pinSnapshot(command: UInt32, number: UInt64)
    /// O→C. It is, or why not.
    case snapshotPinned(command: UInt32, failure: String?)
    /// C→I. Has the tape these batches? Which of them are this trainer's? It keeps them until `endTape`.
    case wantTape(command: UInt32, of: ModelName, [BatchID])
    /// I→C. It has, or not.
    case tapeHeld(command: UInt32, TapeHeld)
    /// C→I. Offer this batch of the tape again, without its trainer's name.
    case offerTape(command: UInt32, BatchID)
    /// C→I. Nothing of the tape is wanted any more.
    case endTape
    /// O→C. What this owner's rows add to the digest of all weights at a commit: the answer to a publish that wants it.
    case digest(number: UInt64, WeightDigest)
}

/// What a clock is told of a batch.
package struct BatchOffer: Sendable {
    package var batch: BatchID
    /// The body the batch came in, at its intake: once a batch of it is not taken, none behind it is.
    package var body: UInt64
    package var name: Offer.Name?
    /// Bytes of text: the place it takes at owners.
    package var byteCount: Int
    package var featureCount: Int
    /// It was learned before and comes from a tape: taken only while the model un-learns.
    package var isReplay = false
    /// More of its body was at the intake already: its trainer sends on without waiting.
    package var isFollowed = false
    /// Labels and importances; features only where clock and owner are one.
    package var examples: ExampleBatch

    package init(
        batch: BatchID, body: UInt64, name: Offer.Name?, byteCount: Int, featureCount: Int, examples: ExampleBatch
    ) {
        self.batch = batch
        self.body = body
        self.name = name
        self.byteCount = byteCount
        self.featureCount = featureCount
        self.examples = examples
    }
}

/// What an intake's tape has of the batches asked for.
package struct TapeHeld: Sendable, Equatable {
    /// Those of the trainer.
    package var ofTrainer: [BatchID]
    /// What it lacks, or what went wrong; nil where it has all.
    package var problem: String?

    package init(ofTrainer: [BatchID] = [], problem: String? = nil) {
        (self.ofTrainer, self.problem) = (ofTrainer, problem)
    }
}

/// What a round learned, and what the next one tries.
package struct Residuals: Sendable, Equatable {
    /// The round decided on.
    package var round: UInt64
    /// Examples of its window that are learned, from the first on.
    package var accepted: Int
    /// Examples of the next window; 0 behind the batch's last.
    package var window: Int
    /// Of the next window's first examples, those that are tried; importance included. Shape [tried].
    package var residuals: [Float]

    package init(round: UInt64, accepted: Int, window: Int, residuals: [Float]) {
        self.round = round
        self.accepted = accepted
        self.window = window
        self.residuals = residuals
    }
}

/// What an owner's disk holds when it joins an epoch.
package struct Joined: Sendable, Equatable {
    /// What this node makes of the spec.
    package var fingerprint: Fingerprint
    /// The last commit, and the hash of its header; 0 before the first.
    package var number: UInt64
    package var hash: UInt64
    /// The highest commit that this owner knows to be stable: it was acknowledged, so no epoch begins below it.
    package var stableNumber: UInt64

    package init(fingerprint: Fingerprint, number: UInt64, hash: UInt64, stableNumber: UInt64) {
        self.fingerprint = fingerprint
        self.number = number
        self.hash = hash
        self.stableNumber = stableNumber
    }
}

/// A publish, the same on every owner.
package struct Publish: Sendable, Equatable {
    /// The commit it falls on.
    package var number: UInt64
    /// All examples acknowledged up to then are in; milliseconds since 1970.
    package var watermarkMilliseconds: UInt64
    /// Compare all rows instead of the next range.
    package var digestsAllRows: Bool

    package init(number: UInt64, watermarkMilliseconds: UInt64, digestsAllRows: Bool) {
        self.number = number
        self.watermarkMilliseconds = watermarkMilliseconds
        self.digestsAllRows = digestsAllRows
    }
}

/// What makes nodes mean the same model.
package struct ModelIdentity: Sendable, Equatable {
    package var name: ModelName
    /// As YAML: each node reads it itself.
    package var spec: String
    package var fingerprint: Fingerprint
    /// Places of the owners in the cluster file: shard s belongs to owners[s]. The first is the clock's.
    package var owners: [Int]

    package init(name: ModelName, spec: String, fingerprint: Fingerprint, owners: [Int]) {
        self.name = name
        self.spec = spec
        self.fingerprint = fingerprint
        self.owners = owners
    }
}

/// A message with what tells whose it is.
package struct Envelope: Sendable {
    package var history: History
    /// The clock's incarnation: what belongs to an earlier one is not taken.
    package var epoch: UInt32
    package var message: PeerMessage

    package init(_ history: History, epoch: UInt32 = 1, _ message: PeerMessage) {
        self.history = history
        self.epoch = epoch
        self.message = message
    }
}
