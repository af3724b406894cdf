package import Domain
internal import Files
package import Format
package import SystemPackage
internal import Transport

/// A snapshot that could not be read or written.
package struct SnapshotFailure: Error, CustomStringConvertible {
    package let description: String
}

/// A node's snapshots as files, HISTORY/NUMBER-VERSION.snapshot. One thread reads and writes them, beside everything else.
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
    private let root: FilePath
    private let begunCount = Locked<UInt64>(0)

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
        let path = path(history, name)
        do {
            let file = try FileDescriptor.open(path, .readOnly)
            defer { try? file.close() }  // read only: nothing is lost
            return try footer(of: file, history, name).footer
        } catch { throw SnapshotFailure(description: "\(path): \(error)") }
    }

    private func footer(
        of file: FileDescriptor, _ history: History, _ name: Name
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

    /// Reads a snapshot, whole.
    ///
    /// - Parameter rows: takes each record of rows, in order.
    package func read(
        _ history: History, _ name: Name, rows: (_ header: RecordHeader, _ payload: Span<UInt8>) throws -> Void
    ) throws(SnapshotFailure) -> SnapshotFooter {
        let path = path(history, name)
        do {
            let file = try FileDescriptor.open(path, .readOnly)
            defer { try? file.close() }  // read only: nothing is lost
            let (footer, end) = try footer(of: file, history, name)
            var (window, offset, reader, isWhole) = ([UInt8](), 0, RecordReader(), false)
            var wanted = Limits.Snapshot.readByteCount
            while offset < end || !window.isEmpty {
                let more = try readBytes(file, offset..<min(end, offset + max(0, wanted - window.count)))
                offset += more.count
                window += more
                var at = 0
                records: while at < window.count {
                    switch try reader.read(window.span.extracting(droppingFirst: at)) {
                    case .needMore(let byteCount):
                        guard offset < end else { throw FormatError.corrupt(what: "its last record is cut off") }
                        wanted = max(byteCount, Limits.Snapshot.readByteCount)
                        break records
                    case .record(let header, let payload):
                        guard header.stamp.history == history else {
                            throw FormatError.corrupt(what: "a record of another history")
                        }
                        if header.kind.carriesRows {
                            try rows(header, window.span.extracting(at + payload.lowerBound..<at + payload.upperBound))
                        }
                        isWhole = header.kind == .copyEnd
                        at += header.recordByteCount
                    }
                }
                window.removeFirst(at)
            }
            guard isWhole else { throw FormatError.corrupt(what: "its rows do not end") }
            return footer
        } catch { throw SnapshotFailure(description: "\(path): \(error)") }
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

    /// Removes all but the newest; those that cannot be removed are told of.
    func removeOld(_ history: History, keeping count: Int) throws(Errno) {
        for name in names(history).dropFirst(count) { try removeFile(path(history, name)) }
    }

    /// Nothing is kept of a model.
    func removeAll(_ history: History) throws(Errno) {
        let files = (try? listFolder(folder(history))) ?? []  // missing: nothing to remove
        for file in files { try removeFile(folder(history).appending(file)) }
        if !files.isEmpty { try removeFolder(folder(history)) }
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
