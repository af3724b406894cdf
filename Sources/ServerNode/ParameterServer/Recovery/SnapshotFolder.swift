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
        removeUnfinished(in: folder(history))
        var wrong: [SnapshotFailure] = []
        for name in names(history) {
            do throws(SnapshotFailure) { return (try footer(history, name), wrong) } catch { wrong.append(error) }
        }
        return (nil, wrong)
    }

    func footer(_ history: History, _ name: Name) throws(SnapshotFailure) -> SnapshotFooter {
        try SnapshotRecords.at(path(history, name), history, name).footer
    }

    /// Reads a snapshot, whole.
    ///
    /// - Parameter rows: takes each record of rows, in order.
    package func read(
        _ history: History, _ name: Name, rows: (_ header: RecordHeader, _ payload: Span<UInt8>) throws -> Void
    ) throws(SnapshotFailure) -> SnapshotFooter {
        var records = try SnapshotRecords.at(path(history, name), history, name)
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

    /// Removes what an earlier life left unfinished, of any model.
    func removeUnfinished() {
        for history in (try? listFolder(root)) ?? [] {  // missing: nothing to remove
            removeUnfinished(in: root.appending(history))
        }
    }

    private func removeUnfinished(in folder: FilePath) {
        for file in (try? listFolder(folder)) ?? [] where file.hasPrefix(UnfinishedSnapshot.prefix) {
            try? removeFile(folder.appending(file))  // it only takes room
        }
    }

    /// Copies a snapshot of another folder, whole or not at all.
    func copy(_ history: History, _ name: Name, from other: SnapshotFolder) throws {
        guard !names(history).contains(name) else { return }
        // Where a disk that should be mounted is not, nothing is made in its place.
        _ = try listFolder(root.removingLastComponent())
        let file = try FileDescriptor.open(other.path(history, name), .readOnly)
        let copy = try begin(history)
        do {
            try file.closeAfter {
                let byteCount = Int(try file.seek(offset: 0, from: .end))
                for start in stride(from: 0, to: byteCount, by: Limits.Snapshot.readByteCount) {
                    copy.append(try readBytes(file, start..<min(start + Limits.Snapshot.readByteCount, byteCount)))
                }
            }
            copy.sync()
            try copy.keep(name)
        } catch {
            copy.discard()
            throw error
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
