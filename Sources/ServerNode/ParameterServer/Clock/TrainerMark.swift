package import Domain
internal import Format

/// What a model remembers of one trainer: the sequence it expects, and its last batches, so that a retry is answered
/// and a reused number is found out.
package struct TrainerMark: Sendable, Equatable {
    /// The sequence expected next; the first is 1.
    package private(set) var next: UInt64 = 1
    /// The version that contains its last batch.
    package private(set) var version = Version.zero
    /// When a batch of the trainer was last learned, for forgetting names after `Limits.Training.trainerHorizon`.
    package private(set) var lastSeenMilliseconds: UInt64 = 0
    /// Digests and versions of the last batches; sequence s is at s mod the count.
    private var recent: [Entry] = []

    private struct Entry: Sendable, Equatable {
        var digest: UInt64
        var version: Version
    }

    package enum Lookup: Equatable, Sendable {
        case next
        /// That many before it are missing.
        case ahead(by: UInt64)
        case duplicate(Version)
        case conflict
    }

    package func look(up sequence: UInt64, digest: UInt64) -> Lookup {
        if sequence == next { return .next }
        if sequence > next { return .ahead(by: sequence - next) }
        guard sequence > 0, next - sequence <= UInt64(recent.count) else { return .conflict }
        let entry = recent[Int(sequence % UInt64(Limits.Training.rememberedBatchCount))]
        return entry.digest == digest ? .duplicate(entry.version) : .conflict
    }

    /// - Precondition: the batch is the next one.
    package mutating func learned(digest: UInt64, version: Version, atMilliseconds now: UInt64) {
        let count = UInt64(Limits.Training.rememberedBatchCount)
        let entry = Entry(digest: digest, version: version)
        if recent.isEmpty { recent = [Entry(digest: 0, version: .zero)] }
        // Sequences begin at 1, so place 0 is filled last; until then `recent` grows by one a batch.
        let place = Int(next % count)
        if place < recent.count { recent[place] = entry } else { recent.append(entry) }
        next += 1
        self.version = version
        lastSeenMilliseconds = now
    }

    init() {}

    func write(to writer: inout FieldWriter) {
        writer.put(next)
        writer.put(version.rawValue)
        writer.put(lastSeenMilliseconds)
        writer.put(UInt32(recent.count))
        for entry in recent {
            writer.put(entry.digest)
            writer.put(entry.version.rawValue)
        }
    }

    init(from reader: inout FieldReader) throws(FormatError) {
        next = try reader.take()
        version = Version(try reader.take())
        lastSeenMilliseconds = try reader.take()
        let count = try reader.take(UInt32.self)
        guard next > 0, count <= UInt32(Limits.Training.rememberedBatchCount) else {
            throw .corrupt(what: "a trainer's mark remembers more than there is")
        }
        for _ in 0..<count { recent.append(Entry(digest: try reader.take(), version: Version(try reader.take()))) }
    }
}
