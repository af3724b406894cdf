package import Domain
internal import Features
package import Format
internal import Learning

/// The rows an owner changed since its last commit, and the record that they become in the journal.
struct CommitRows: ~Copyable {
    private var dirty: DirtyRows
    private let shard: Shard
    private let columns: RecordColumns
    private var rows: [UInt32] = []
    private var indices: [UInt32] = []
    private var values: [Float] = []

    init(_ spec: ModelSpec, _ shard: Shard) {
        self.shard = shard
        columns = spec.learner.columns
        dirty = DirtyRows(rowCount: spec.indexCount / shard.count)
    }

    /// A slice was learned.
    mutating func learned(_ slice: borrowing ExampleBatch) { dirty.mark(slice) }

    /// Takes the rows changed since the last commit, with all that the learner keeps of them.
    ///
    /// - Returns: the rows, and a record of them; none for a commit without examples.
    mutating func take(
        _ table: borrowing ModelRows, from base: Version, _ header: CommitHeader
    ) -> (rows: [UInt32], record: [UInt8]) {
        rows.removeAll(keepingCapacity: true)
        dirty.drain(into: &rows)
        guard base < header.version else { return (rows, []) }
        let count = columns.floatCount * rows.count
        if values.count < count { values = Array(repeating: 0, count: max(count, 2 * values.count)) }
        table.state(at: rows, into: &values)
        indices = shard.count == 1 ? rows : rows.map { UInt32(shard.index(ofRow: Int($0))) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(RecordHeader.byteCount + 4 * count + 2 * rows.count + 16)
        appendRows(
            .delta, columns: columns,
            stamp: RecordStamp(
                history: header.history, baseVersion: base, version: header.version,
                watermarkMilliseconds: header.atMilliseconds, fingerprint: header.fingerprint,
                ownerIndex: UInt16(shard.number), ownerCount: UInt16(shard.count)),
            indices: indices.span, values: values.span.extracting(first: count), to: &bytes)
        return (rows, bytes)
    }
}

/// The rows of a record as its owner numbers them, and what the learner keeps of them: shapes [rows], [rows × floats].
package struct ReadRows: Sendable {
    package var rows: [UInt32] = []
    package var values: [Float] = []

    package init() {}

    /// - Throws: when the record is not of this shard of the model, or damaged.
    package mutating func read(_ record: [UInt8], _ spec: ModelSpec, _ shard: Shard) throws(FormatError) {
        rows.removeAll(keepingCapacity: true)
        guard !record.isEmpty else { return }
        var reader = RecordReader()
        guard case .record(let header, let payload) = try reader.read(record.span) else {
            throw .corrupt(what: "a record of rows is cut off")
        }
        try read(header, record.span.extracting(payload), spec, shard)
    }

    package mutating func read(
        _ header: RecordHeader, _ payload: Span<UInt8>, _ spec: ModelSpec, _ shard: Shard
    ) throws(FormatError) {
        guard header.stamp.fingerprint == spec.fingerprint, header.stamp.ownerIndex == UInt16(shard.number),
            header.stamp.ownerCount == UInt16(shard.count), header.kind.carriesRows
        else { throw .corrupt(what: "a record of rows is another shard's") }
        try decodeRows(
            header, columns: spec.learner.columns, payload: payload, indexLimit: UInt64(spec.indexCount), into: &rows,
            values: &values)
        guard shard.count > 1 else { return }
        for k in rows.indices {
            guard rows[k] & UInt32(shard.count - 1) == UInt32(shard.number) else {
                throw .corrupt(what: "a row of another shard")
            }
            rows[k] /= UInt32(shard.count)
        }
    }
}

extension ModelSpec.Learner {
    /// What a record has of rows that this learner keeps.
    var columns: RecordColumns { rowFloatCount == 2 ? .state : .wideState }
}
