internal import Configuration
package import Domain
internal import Files
package import Format
package import SystemPackage

/// A snapshot as it is read: its footer first, then its records in order.
package struct SnapshotRecords: ~Copyable {
    package let footer: SnapshotFooter
    package let path: FilePath
    private let file: FileDescriptor
    private let end: Int
    private var window: [UInt8] = []
    private var offset = 0
    private var wanted = Limits.Snapshot.readByteCount
    private var reader = RecordReader()
    private var isWhole = false

    /// Opens any snapshot.
    package init(_ path: FilePath) throws(SnapshotFailure) {
        let (file, footer): (FileDescriptor, (footer: SnapshotFooter, offset: Int))
        do {
            file = try .open(path, .readOnly)
            do { footer = try Self.footer(of: file) } catch {
                try? file.close()  // read only: nothing is lost
                throw error
            }
        } catch { throw SnapshotFailure(description: "\(path): \(error)") }
        (self.path, self.file) = (path, file)
        (self.footer, end) = footer
    }

    /// Opens the snapshot that its place in a folder names.
    static func at(
        _ path: FilePath, _ history: History, _ name: SnapshotFolder.Name
    ) throws(SnapshotFailure) -> SnapshotRecords {
        let records = try SnapshotRecords(path)
        let header = records.footer.header
        guard header.history == history, header.number == name.number, header.version == name.version else {
            let error = FormatError.corrupt(what: "it is another commit than its name says")
            throw SnapshotFailure(description: "\(path): \(error)")
        }
        return records
    }

    deinit { try? file.close() }  // as above

    private static func footer(of file: FileDescriptor) throws -> (footer: SnapshotFooter, offset: Int) {
        let byteCount = Int(try file.seek(offset: 0, from: .end))
        let trailerByteCount = SnapshotFooter.trailerByteCount
        guard byteCount >= trailerByteCount else { throw FormatError.corrupt(what: "the file is too short") }
        let trailer = try readBytes(file, byteCount - trailerByteCount..<byteCount)
        let footerByteCount = try SnapshotFooter.byteCount(trailer: trailer, fileByteCount: byteCount)
        let offset = byteCount - trailerByteCount - footerByteCount
        return (try SnapshotFooter(try readBytes(file, offset..<byteCount)), offset)
    }

    /// The model and the owner whose rows follow. Called before the first `next`.
    package mutating func model() throws(SnapshotFailure) -> (spec: ModelSpec, shard: Shard) {
        var model: (spec: ModelSpec, shard: Shard)?
        _ = try nextRecord { header, payload in
            let (number, count) = (Int(header.stamp.ownerIndex), Int(header.stamp.ownerCount))
            let spec = try ModelSpec(yaml: try decodeSpec(header, payload: payload))
            guard count > 0, count & (count - 1) == 0, number < count, count <= spec.indexCount else {
                throw FormatError.corrupt(what: "owner \(number) of \(count)")
            }
            model = (spec, Shard(number, of: count))
        }
        guard let model else { throw SnapshotFailure(description: "\(path): it has no records") }
        try check(model.spec)
        return model
    }

    /// - Throws: when it is not of a model with this spec.
    func check(_ spec: ModelSpec) throws(SnapshotFailure) {
        do { try footer.header.check(spec) } catch { throw SnapshotFailure(description: "\(path): \(error)") }
    }

    /// Gives the next record of rows to `body`; false when there is none.
    ///
    /// - Throws: also when the file ends without having ended its rows.
    package mutating func next(
        _ body: (_ header: RecordHeader, _ payload: Span<UInt8>) throws -> Void
    ) throws(SnapshotFailure) -> Bool {
        var hasRows = false
        while !hasRows {
            let isMore = try nextRecord { header, payload in
                hasRows = header.kind.carriesRows
                if hasRows { try body(header, payload) }
            }
            guard isMore else { return false }
        }
        return true
    }

    private mutating func nextRecord(
        _ body: (_ header: RecordHeader, _ payload: Span<UInt8>) throws -> Void
    ) throws(SnapshotFailure) -> Bool {
        var reader = reader
        defer { self.reader = reader }
        do {
            while offset < end || !window.isEmpty {
                switch try reader.read(window.span) {
                case .needMore(let byteCount):
                    guard offset < end else { throw FormatError.corrupt(what: "its last record is cut off") }
                    wanted = max(byteCount, Limits.Snapshot.readByteCount)
                    let more = try readBytes(file, offset..<min(end, offset + wanted - window.count))
                    offset += more.count
                    window += more
                case .record(let header, let payload):
                    guard header.stamp.history == footer.header.history else {
                        throw FormatError.corrupt(what: "a record of another history")
                    }
                    isWhole = header.kind == .copyEnd
                    defer { window.removeFirst(header.recordByteCount) }
                    try body(header, window.span.extracting(payload))
                    return true
                }
            }
            guard isWhole else { throw FormatError.corrupt(what: "its rows do not end") }
            return false
        } catch { throw SnapshotFailure(description: "\(path): \(error)") }
    }
}

/// Reads a snapshot's rows for a lane, decoded, on the folder's reading thread: the lane has only to set them.
///
/// Safe because only that thread uses it.
final class SnapshotReading: @unchecked Sendable {
    private var records: SnapshotRecords
    private let spec: ModelSpec
    private let shard: Shard

    init(_ records: consuming SnapshotRecords, _ spec: ModelSpec, _ shard: Shard) {
        self.records = records
        self.spec = spec
        self.shard = shard
    }

    var footer: SnapshotFooter { records.footer }

    /// The next rows, or nil behind the last.
    func next() throws(SnapshotFailure) -> ReadRows? {
        var rows = ReadRows()
        let (spec, shard) = (spec, shard)
        let isMore = try records.next { header, payload in try rows.read(header, payload, spec, shard) }
        return isMore ? rows : nil
    }
}
