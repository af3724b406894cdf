package import Domain
package import Format
package import Learning

/// What a commit says of itself: the same bytes on every owner, chained by hash.
///
/// Marks of trainers, the version and the rounds' state are functions of the headers up to it. Between two commits may be
/// any number of batches.
package struct CommitHeader: Sendable, Equatable {
    /// A batch of the commit.
    package struct Batch: Sendable, Equatable {
        /// What its intake calls it: one that is offered again behind a clock's restart is known by it.
        package var id: BatchID
        /// Nil for a post without a trainer's name.
        package var name: Offer.Name?
        package var exampleCount: Int

        package init(id: BatchID, name: Offer.Name?, exampleCount: Int) {
            self.id = id
            self.name = name
            self.exampleCount = exampleCount
        }
    }

    package var history: History
    /// The clock's incarnation that marked it.
    package var epoch: UInt32 = 1
    /// 1, 2, 3 …
    package var number: UInt64
    /// Of the header before; 0 for the first.
    package var previousHash: UInt64
    /// The highest commit the clock knew to be stable.
    package var stableNumber: UInt64
    /// The model's version behind the commit, and the examples that its weights have learned: a snapshot that is restored takes
    /// the latter back.
    package var version: Version
    package var exampleCount: UInt64
    /// State of the rounds: examples accepted lately, in 65536ths, and the next window's bound.
    package var acceptedLately: UInt64
    package var windowMax: UInt32
    package var fingerprint: Fingerprint
    /// When it was marked, milliseconds since 1970: trainers are forgotten by it.
    package var atMilliseconds: UInt64
    /// The version of the last publish before it; its own where followers need a copy.
    package var publishedVersion: Version
    /// Progressive validation up to it.
    package var total: Validation.Sums
    package var window: Validation.Sums
    package var batches: [Batch]
    /// What operators have made of the model, beside its spec.
    package var standing = Standing()
    /// What rule nag keeps beside its rows.
    package var normalization = Normalization()
    /// The rows from here on are those of the snapshot of this commit; 0 for none.
    package var restores: UInt64 = 0
    /// Weights changed that no row of the commit tells of: followers need a copy. Counts one in the version.
    package var republishes = false

    package init(
        history: History, epoch: UInt32, number: UInt64, previousHash: UInt64, stableNumber: UInt64, version: Version,
        exampleCount: UInt64, acceptedLately: UInt64, windowMax: UInt32, fingerprint: Fingerprint,
        atMilliseconds: UInt64, publishedVersion: Version, total: Validation.Sums, window: Validation.Sums,
        batches: [Batch]
    ) {
        self.history = history
        self.epoch = epoch
        self.atMilliseconds = atMilliseconds
        self.publishedVersion = publishedVersion
        self.total = total
        self.window = window
        self.number = number
        self.previousHash = previousHash
        self.stableNumber = stableNumber
        self.version = version
        self.exampleCount = exampleCount
        self.acceptedLately = acceptedLately
        self.windowMax = windowMax
        self.fingerprint = fingerprint
        self.batches = batches
    }

    /// XXH64 of the header's bytes.
    package var hash: UInt64 {
        var writer = FieldWriter()
        write(to: &writer)
        var digest = ContentDigest()
        digest.add(writer.bytes, first: writer.bytes.count)
        return digest.value
    }

    /// - Throws: when the header is not of a model with this spec: its rule says what rows are.
    func check(_ spec: ModelSpec) throws(FormatError) {
        guard standing.learner.hasSameRule(as: spec.learner), fingerprint == spec.fingerprint else {
            throw .corrupt(what: "commit \(number) is of another rule or plan than its model")
        }
    }

    package func write(to writer: inout FieldWriter) {
        writer.put(history.rawValue)
        writer.put(epoch)
        writer.put(windowMax)
        writer.put(number)
        writer.put(previousHash)
        writer.put(stableNumber)
        writer.put(version.rawValue)
        writer.put(exampleCount)
        writer.put(acceptedLately)
        writer.put(fingerprint.rawValue)
        writer.put(atMilliseconds)
        writer.put(publishedVersion.rawValue)
        writer.put(total)
        writer.put(window)
        standing.write(to: &writer)
        writer.put(republishes)
        writer.put(UInt16(0))
        writer.put(restores)
        if case .nag = standing.learner {
            writer.put(normalization.squares.bitPattern)
            writer.put(normalization.weight.bitPattern)
        }
        writer.put(UInt32(batches.count))
        for batch in batches {
            writer.put(batch.id)
            writer.put(UInt32(batch.exampleCount))
            writer.put(batch.name)
        }
    }

    package init(from reader: inout FieldReader) throws(FormatError) {
        history = History(try reader.take())
        epoch = try reader.take()
        windowMax = try reader.take()
        number = try reader.take()
        previousHash = try reader.take()
        stableNumber = try reader.take()
        version = Version(try reader.take())
        exampleCount = try reader.take()
        acceptedLately = try reader.take()
        fingerprint = Fingerprint(try reader.take())
        atMilliseconds = try reader.take()
        publishedVersion = Version(try reader.take())
        total = try reader.takeSums()
        window = try reader.takeSums()
        standing = try Standing(from: &reader)
        republishes = try reader.takeFlag()
        guard try reader.take(UInt16.self) == 0 else { throw .corrupt(what: "a reserved byte is not zero") }
        restores = try reader.take()
        guard restores == 0 || (republishes && restores < number) else {
            throw .corrupt(what: "commit \(number) restores \(restores)")
        }
        if case .nag = standing.learner {
            normalization.squares = Double(bitPattern: try reader.take())
            normalization.weight = Double(bitPattern: try reader.take())
            guard normalization.isPossible else { throw .corrupt(what: "sums of norms that are none") }
        }
        batches = []
        for _ in 0..<(try reader.take(UInt32.self)) {
            let (id, exampleCount) = (try reader.takeBatchID(), Int(try reader.take(UInt32.self)))
            batches.append(Batch(id: id, name: try reader.takeBatchName(), exampleCount: exampleCount))
        }
        guard batches.reduce(0, { $0 + UInt64($1.exampleCount) }) <= version.rawValue else {
            throw .corrupt(what: "commit \(number) has more examples than its version")
        }
    }
}

extension FieldWriter {
    mutating func put(_ flag: Bool) { put(UInt8(flag ? 1 : 0)) }

    mutating func put(_ sums: Validation.Sums) {
        for sum in [sums.weight, sums.loss, sums.label, sums.prediction] { put(sum.bitPattern) }
    }

    /// A trainer's name for a batch: sequence 0 stands for none.
    mutating func put(_ name: Offer.Name?) {
        put(name?.sequence ?? 0)
        put(name?.digest ?? 0)
        put(name?.trainer.text ?? "")
    }
}

extension FieldReader {
    mutating func takeSums() throws(FormatError) -> Validation.Sums {
        var sums = Validation.Sums()
        sums.weight = Double(bitPattern: try take())
        sums.loss = Double(bitPattern: try take())
        sums.label = Double(bitPattern: try take())
        sums.prediction = Double(bitPattern: try take())
        return sums
    }

    mutating func takeBatchName() throws(FormatError) -> Offer.Name? {
        let (sequence, digest) = (try take(UInt64.self), try take(UInt64.self))
        let text = try takeText()
        if sequence == 0 {
            guard digest == 0, text.isEmpty else { throw .corrupt(what: "a batch without a number has a trainer") }
            return nil
        }
        guard let trainer = ModelName(text) else { throw .corrupt(what: "a trainer's name is not one") }
        return Offer.Name(trainer: trainer, sequence: sequence, digest: digest)
    }
}
