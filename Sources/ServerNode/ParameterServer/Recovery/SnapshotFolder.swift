package import Domain
internal import Files
package import Format
package import SystemPackage
internal import Transport

/// A snapshot that could not be read or written.
package struct SnapshotFailure: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

/// A node's snapshots as files, HISTORY/NUMBER-VERSION.snapshot. One thread writes them beside everything else, another reads.
package final class SnapshotFolder: Sendable {
    /// A snapshot by the commit that it is.
    package struct Name: Sendable, Hashable {
        package var number: UInt64
        package var version: Version

        package init(number: UInt64, version: Version) { (self.number, self.version) = (number, version) }

        init?(_ file: String) {
            guard file.hasSuffix(".snapshot") else { return nil }
            let parts = file.dropLast(9).split(separator: "-")
            guard parts.count == 2, let number = UInt64(parts[0]), let version = UInt64(parts[1]) else { return nil }
            self.init(number: number, version: Version(version))
        }

        var file: String { "\(number)-\(version).snapshot" }
    }

    let thread = WorkThread(niceness: Limits.Group.parsingNiceness)
    /// Rows that a model waits for are read here: other models that learn meanwhile do not hold it up.
    let readingThread = WorkThread()
    private let root: FilePath
    private let begunCount = Locked<UInt64>(0)
    /// Commits whose snapshots are wanted, however old.
    private let pinned = Locked<[History: PinnedSnapshots]>([:])

    package init(_ root: FilePath) { self.root = root }

    private func folder(_ history: History) -> FilePath { root.appending("\(history)") }

    package func path(_ history: History, _ name: Name) -> FilePath { folder(history).appending(name.file) }

    /// The snapshots of a model, the newest first.
    package func names(_ history: History) -> [Name] {
        // A folder that is missing has none.
        let files = (try? listFolder(folder(history))) ?? []
        return files.compactMap { Name($0) }.sorted { $0.number > $1.number }
    }

    /// The footer of the newest snapshot that has one, and what is wrong with newer ones. When the node begins: what an
    /// earlier life left unfinished is removed.
    package func newestFooter(_ history: History) -> (footer: SnapshotFooter?, wrong: [SnapshotFailure]) {
        for file in (try? listFolder(folder(history))) ?? [] where file.hasPrefix(UnfinishedSnapshot.prefix) {
            try? removeFile(folder(history).appending(file))  // it only takes room
        }
        var wrong: [SnapshotFailure] = []
        for name in names(history) {
            do throws(SnapshotFailure) { return (try footer(history, name), wrong) } catch { wrong.append(error) }
        }
        return (nil, wrong)
    }

    func footer(_ history: History, _ name: Name) throws(SnapshotFailure) -> SnapshotFooter {
        try SnapshotRecords(path(history, name), history, name).footer
    }

    /// Reads a snapshot, whole.
    ///
    /// - Parameter rows: takes each record of rows, in order.
    package func read(
        _ history: History, _ name: Name, rows: (_ header: RecordHeader, _ payload: Span<UInt8>) throws -> Void
    ) throws(SnapshotFailure) -> SnapshotFooter {
        var records = try SnapshotRecords(path(history, name), history, name)
        while try records.next(rows) {}
        return records.footer
    }

    /// Reads a snapshot to its end, and keeps nothing of it: it is whole, and a shard's of this model.
    func readWhole(
        _ history: History, _ name: Name, _ spec: ModelSpec, _ shard: Shard
    ) throws(SnapshotFailure) -> SnapshotFooter {
        var rows = ReadRows()
        return try read(history, name) { header, payload in
            rows.rows.removeAll(keepingCapacity: true)
            try rows.read(header, payload, spec, shard)
        }
    }

    /// Keeps the snapshot of a commit until two others of the model are pinned.
    func pin(_ history: History, _ number: UInt64) {
        pinned.withLockedValue { $0[history, default: PinnedSnapshots()].pin(number) }
    }

    /// A file that becomes a snapshot when it is kept.
    func begin(_ history: History) throws -> UnfinishedSnapshot {
        try makeFolders(folder(history))
        let number = begunCount.withLockedValue { count in
            count += 1
            return count
        }
        return try UnfinishedSnapshot(folder(history), number)
    }

    /// Removes all but the newest, the pinned one, and those of commits that the journal refers to.
    func removeOld(_ history: History, keeping count: Int, and restored: Set<UInt64>) throws {
        for name in names(history).dropFirst(count) where !restored.contains(name.number) {
            // Under the lock: what is pinned meanwhile is there, or its reader finds that it is not.
            try pinned.withLockedValue { pinned in
                if pinned[history]?.contains(name.number) != true { try removeFile(path(history, name)) }
            }
        }
    }

    /// Nothing is kept of a model.
    func removeAll(_ history: History) throws(Errno) {
        pinned.withLockedValue { $0[history] = nil }
        let files = (try? listFolder(folder(history))) ?? []  // missing: nothing to remove
        for file in files { try removeFile(folder(history).appending(file)) }
        if !files.isEmpty { try removeFolder(folder(history)) }
    }
}

/// A snapshot as it is read: its footer first, then its records in order.
package struct SnapshotRecords: ~Copyable {
    package let footer: SnapshotFooter
    private let path: FilePath
    private let file: FileDescriptor
    private let history: History
    private let end: Int
    private var window: [UInt8] = []
    private var offset = 0
    private var wanted = Limits.Snapshot.readByteCount
    private var reader = RecordReader()
    private var isWhole = false

    init(_ path: FilePath, _ history: History, _ name: SnapshotFolder.Name) throws(SnapshotFailure) {
        let (file, footer): (FileDescriptor, (footer: SnapshotFooter, offset: Int))
        do {
            file = try .open(path, .readOnly)
            do { footer = try Self.footer(of: file, history, name) } catch {
                try? file.close()  // read only: nothing is lost
                throw error
            }
        } catch { throw SnapshotFailure(description: "\(path): \(error)") }
        (self.path, self.file, self.history) = (path, file, history)
        (self.footer, end) = footer
    }

    deinit { try? file.close() }  // as above

    private static func footer(
        of file: FileDescriptor, _ history: History, _ name: SnapshotFolder.Name
    ) throws -> (footer: SnapshotFooter, offset: Int) {
        let byteCount = Int(try file.seek(offset: 0, from: .end))
        let trailerByteCount = SnapshotFooter.trailerByteCount
        guard byteCount >= trailerByteCount else { throw FormatError.corrupt(what: "the file is too short") }
        let trailer = try readBytes(file, byteCount - trailerByteCount..<byteCount)
        let footerByteCount = try SnapshotFooter.byteCount(trailer: trailer, fileByteCount: byteCount)
        let offset = byteCount - trailerByteCount - footerByteCount
        let footer = try SnapshotFooter(try readBytes(file, offset..<byteCount))
        guard footer.header.history == history, footer.header.number == name.number,
            footer.header.version == name.version
        else { throw FormatError.corrupt(what: "it is another commit than its name says") }
        return (footer, offset)
    }

    /// Gives the next record of rows to `body`; false when there is none.
    ///
    /// - Throws: also when the file ends without having ended its rows.
    package mutating func next(
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
                    guard header.stamp.history == history else {
                        throw FormatError.corrupt(what: "a record of another history")
                    }
                    isWhole = header.kind == .copyEnd
                    defer { window.removeFirst(header.recordByteCount) }
                    guard header.kind.carriesRows else { continue }
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

/// A snapshot under way, on the snapshots' thread.
///
/// Safe because only that thread uses it.
final class UnfinishedSnapshot: @unchecked Sendable {
    private let folder: FilePath
    private let path: FilePath
    private let file: FileDescriptor
    private var isOpen = true
    static let prefix = "unfinished-"
    /// The first thing that went wrong: the rest is not written.
    private(set) var failure: (any Error)?

    /// - Parameter number: no two that are under way have the same.
    init(_ folder: FilePath, _ number: UInt64) throws {
        self.folder = folder
        path = folder.appending("\(Self.prefix)\(number)")
        file = try .open(path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
    }

    func append(_ bytes: [UInt8]) {
        guard failure == nil else { return }
        do { _ = try file.writeAll(bytes) } catch { failure = error }
    }

    /// Everything written is on the disk.
    func sync() {
        guard failure == nil else { return }
        do throws(Errno) { try Files.sync(file) } catch { failure = error }
    }

    /// The commit is durable everywhere: it takes its name.
    func keep(_ name: SnapshotFolder.Name) throws {
        if let failure { throw failure }
        isOpen = false
        try file.close()
        try rename(path, to: folder.appending(name.file))
        try syncFolder(folder)
    }

    func discard() {
        if isOpen { try? file.close() }  // what it holds is not wanted
        isOpen = false
        try? removeFile(path)  // what is left goes when the node begins
    }
}
