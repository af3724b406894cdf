internal import Domain
internal import Files
internal import SystemPackage

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
