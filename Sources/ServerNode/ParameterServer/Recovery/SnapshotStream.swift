package import Domain
package import Format

/// A snapshot as bytes: records of one owner's rows with all that the learner keeps, then a footer. docs/FORMAT.md,
/// "Snapshots", is the authority.
///
/// Chunks are taken while learning goes on, so a row may be newer in its chunk than at the copy's beginning. The rows of every
/// commit from there to the end stand in between and behind, as they were given to the journal; so all together, in order,
/// are exactly the last of these commits.
package struct SnapshotStream: Sendable {
    private var stamp: RecordStamp
    private let spec: ModelSpec
    private let shard: Shard
    private let rowCount: Int
    private let chunkRowCount: Int
    private var nextRow = 0

    package init(
        _ spec: ModelSpec, _ shard: Shard, history: History, version: Version,
        chunkRowCount: Int = Limits.Snapshot.chunkRowCount
    ) {
        self.chunkRowCount = chunkRowCount
        self.spec = spec
        self.shard = shard
        rowCount = spec.indexCount / shard.count
        stamp = RecordStamp(
            history: history, baseVersion: version, version: version, watermarkMilliseconds: 0,
            fingerprint: spec.fingerprint, ownerIndex: UInt16(shard.number), ownerCount: UInt16(shard.count))
    }

    package func begin() -> [UInt8] {
        var bytes: [UInt8] = []
        appendSpec(spec.yaml, stamp: stamp, to: &bytes)
        appendMark(.copyBegin, stamp: stamp, to: &bytes)
        return bytes
    }

    /// The owner's rows that the next chunk wants, or nil when all were given.
    package var nextRange: Range<Int>? {
        guard nextRow < rowCount else { return nil }
        return nextRow..<min(nextRow + chunkRowCount, rowCount)
    }

    /// Moves on to the next range; the chunk is made later, on another thread.
    package mutating func tookRange() { nextRow = nextRange?.upperBound ?? nextRow }

    /// - Parameter state: of the rows `range`. Shape [range × floats].
    /// - Returns: a record of the rows that were ever touched, or nothing.
    package func chunk(_ range: Range<Int>, _ state: [Float]) -> [UInt8] {
        var (indices, values): ([UInt32], [Float]) = ([], [])
        let floats = spec.learner.rowFloatCount
        for k in 0..<range.count {
            let row = state[floats * k..<floats * (k + 1)]
            guard row.contains(where: { $0 != 0 }) else { continue }
            indices.append(UInt32(shard.index(ofRow: range.lowerBound + k)))
            values.append(contentsOf: row)
        }
        guard !indices.isEmpty else { return [] }
        var bytes: [UInt8] = []
        appendRows(
            .chunk, columns: spec.learner.columns, stamp: stamp, indices: indices.span, values: values.span, to: &bytes)
        return bytes
    }

    package func end(_ footer: SnapshotFooter) -> [UInt8] {
        var end = stamp
        end.version = footer.header.version
        var bytes: [UInt8] = []
        appendMark(.copyEnd, stamp: end, to: &bytes)
        return bytes + footer.bytes
    }
}

/// What a snapshot says behind its rows: the commit that it is, and what a clock must know of the log up to there.
package struct SnapshotFooter: Sendable {
    package var header: CommitHeader
    package var clampedCount: Int
    /// On the clock's owner; empty on others.
    package var marks: TrainerMarks

    package init(header: CommitHeader, clampedCount: Int, marks: TrainerMarks) {
        (self.header, self.clampedCount, self.marks) = (header, clampedCount, marks)
    }

    /// The last bytes of a file: where the footer's length and checksum stand.
    static let trailerByteCount = 16
    /// "SLSF" as a little-endian number.
    static let magic: UInt32 = 0x4653_4C53

    var bytes: [UInt8] {
        var writer = FieldWriter()
        header.write(to: &writer)
        writer.put(UInt64(clampedCount))
        marks.write(to: &writer)
        var sum = CRC32C()
        sum.add(writer.bytes.span)
        writer.put(UInt64(writer.bytes.count))
        writer.put(sum.value)
        writer.put(Self.magic)
        return writer.bytes
    }

    /// The footer's byte count, without the trailer that says it.
    static func byteCount(trailer: [UInt8], fileByteCount: Int) throws(FormatError) -> Int {
        var reader = FieldReader(trailer, 0..<trailer.count)
        let byteCount = try reader.take(UInt64.self)
        _ = try reader.take(UInt32.self)
        guard try reader.take(UInt32.self) == magic else { throw .corrupt(what: "the file does not end as a snapshot") }
        guard byteCount <= UInt64(fileByteCount - trailerByteCount) else {
            throw .tooLarge(what: "bytes of footer", count: byteCount, limit: UInt64(fileByteCount))
        }
        return Int(byteCount)
    }

    /// Reads footer and trailer.
    package init(_ bytes: [UInt8]) throws(FormatError) {
        guard bytes.count >= Self.trailerByteCount else { throw .corrupt(what: "the file is too short") }
        let end = bytes.count - Self.trailerByteCount
        let byteCount = try Self.byteCount(trailer: Array(bytes[end...]), fileByteCount: bytes.count)
        guard byteCount == end else { throw .corrupt(what: "a footer of another length") }
        var sum = CRC32C()
        sum.add(bytes.span.extracting(0..<end))
        var trailer = FieldReader(bytes, end + 8..<end + 12)
        guard try trailer.take(UInt32.self) == sum.value else {
            throw .corrupt(what: "its footer's checksum does not match")
        }
        var reader = FieldReader(bytes, 0..<end)
        header = try CommitHeader(from: &reader)
        let clamped = try reader.take(UInt64.self)
        guard clamped <= UInt64(Int.max) else { throw .corrupt(what: "a count above any") }
        clampedCount = Int(clamped)
        marks = try TrainerMarks(from: &reader)
        try reader.finish()
    }
}
