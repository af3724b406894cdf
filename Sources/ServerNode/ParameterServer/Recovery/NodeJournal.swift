internal import Configuration
package import Domain
internal import Format
package import Journal
internal import Transport

/// A node's journal, for all its models: what lanes give it while a write is under way goes out together in the next one.
///
///     lanes ─ entries ─▶ queue ─ one frame, one fsync ─▶ disk ─▶ each entry's lane hears of it
///
/// A full disk is tried again, and nothing is lost meanwhile; a broken one ends the process, since nobody knows what it holds.
package final class NodeJournal: Sendable {
    /// Models of the disk when the node began, in the order in which they were created.
    package let recovered: [RecoveredModel]
    /// What was torn at the end, if something was.
    package let torn: JournalScan.TornTail?
    /// Bytes and milliseconds that reading took.
    package let readByteCount: Int
    package let readMilliseconds: Double
    private let full = Locked(false)
    private let written = Locked(Figures())
    package var figures: Figures { written.withLockedValue { $0 } }
    /// Whether the disk has no room.
    package var isFull: Bool { full.withLockedValue { $0 } }

    package struct Figures: Sendable {
        /// Writes since the node began, each of whatever had come, and their bytes.
        package var writeCount: UInt64 = 0
        package var byteCount: UInt64 = 0
        /// What a write took lately, until it was on the disk.
        package var writeMicroseconds = 0.0
        /// Segments in use.
        package var segmentCount = 0
    }

    private struct Queue: Sendable {
        var entries = FieldWriter()
        var written: [@Sendable () -> Void] = []
        var isWriting = false
    }
    private let queue = Locked(Queue())
    private let thread = WorkThread()
    private let writing: Writing
    private let broken: @Sendable (DiskFailure) -> Void

    /// Reads the journal of a disk, whole.
    ///
    /// - Parameters:
    ///   - snapshot: the header of a model's newest snapshot that can be read.
    ///   - broken: told when the disk cannot be trusted any more: ends the process.
    /// - Throws: `JournalDamage`, `DiskFailure`.
    package init(
        _ disk: any JournalDisk, segmentByteCount: Int = Limits.Journal.segmentByteCount,
        snapshot: (History) -> CommitHeader? = { _ in nil }, broken: @escaping @Sendable (DiskFailure) -> Void
    ) throws {
        let start = ContinuousClock.now
        var index = JournalIndex()
        let scan = try JournalScan(disk) { bytes, payload, segment, shift in
            do throws(FormatError) { try index.take(bytes, payload, segment: segment, shift: shift) } catch {
                // Its checksum held: it was written so.
                throw JournalDamage(
                    path: disk.path(of: segment), offset: payload.lowerBound + shift, what: "\(error)")
            }
        }
        recovered = index.inOrder.map { RecoveredModel($0.history, $0.model, snapshot: snapshot($0.history)) }
        torn = scan.torn
        readByteCount = scan.byteCount
        let writer = try JournalWriter(
            disk, after: scan, segmentByteCount: segmentByteCount, random: UInt64.random(in: 1...UInt64.max))
        writing = Writing(disk, writer, index)
        readMilliseconds = (ContinuousClock.now - start).seconds * 1000
        self.broken = broken
    }

    /// Appends an entry; `written` is called, on the journal's thread, when it and all before it are on the disk.
    package func append(_ history: History, _ entry: JournalEntry, _ written: @escaping @Sendable () -> Void) {
        append([(history, entry)], written)
    }

    /// As above, for entries that are on the disk together or not at all.
    package func append(_ entries: [(History, JournalEntry)], _ written: @escaping @Sendable () -> Void) {
        let mustStart = queue.withLockedValue { queue in
            for (history, entry) in entries { entry.write(history, to: &queue.entries) }
            queue.written.append(written)
            defer { queue.isWriting = true }
            return !queue.isWriting
        }
        if mustStart { thread.run { self.write() } }
    }

    private func write() {
        let (entries, written) = queue.withLockedValue { queue in
            defer { (queue.entries, queue.written) = (FieldWriter(), []) }
            return (queue.entries.bytes, queue.written)
        }
        write(entries, written)
    }

    private func write(_ entries: [UInt8], _ written: [@Sendable () -> Void]) {
        // What comes behind the node's end was promised to nobody.
        guard !writing.isClosed else { return }
        let start = ContinuousClock.now
        do throws(DiskFailure) { try writing.write(entries) } catch {
            guard error.kind == .full else { return broken(error) }
            full.withLockedValue { $0 = true }
            thread.run(after: Limits.Journal.fullDiskWait) { self.write(entries, written) }
            return
        }
        full.withLockedValue { $0 = false }
        let microseconds = (ContinuousClock.now - start).seconds * 1e6
        self.written.withLockedValue { figures in
            figures.writeCount += 1
            figures.byteCount += UInt64(entries.count)
            figures.writeMicroseconds +=
                (microseconds - figures.writeMicroseconds) / (figures.writeCount == 1 ? 1 : 32)
            figures.segmentCount = writing.segmentCount
        }
        for entry in written { entry() }
        if writing.hasForgotten { release() }
        let isMore = queue.withLockedValue { queue in
            queue.isWriting = !queue.written.isEmpty
            return queue.isWriting
        }
        if isMore { thread.run { self.write() } }
    }

    /// The node ends: another may have the disk.
    package func close() async { await thread.call { self.writing.close() } }

    /// Where a model's commits go as they are read.
    package struct Reader: Sendable {
        /// Some commits; `next` asks for more.
        package var take: @Sendable ([JournalEntry], _ next: @escaping @Sendable () -> Void) -> Void
        /// All are read, or why they cannot be.
        package var end: @Sendable (String?) -> Void

        package init(
            take: @escaping @Sendable ([JournalEntry], _ next: @escaping @Sendable () -> Void) -> Void,
            end: @escaping @Sendable (String?) -> Void
        ) {
            (self.take, self.end) = (take, end)
        }
    }

    /// Tells the version of the last publish before a commit: followers may hold it.
    package func published(_ history: History, before number: UInt64, _ told: @escaping @Sendable (Version) -> Void) {
        thread.run {
            let commit = self.writing.index.models[history]?.commits.last { $0.number <= number }
            told(commit?.publishedVersion ?? .zero)
        }
    }

    /// Reads a model's commits behind one and up to another, in order and in pieces, between writes.
    package func replay(_ history: History, after first: UInt64, through number: UInt64, _ reader: Reader) {
        thread.run {
            let all = self.writing.index.models[history]?.commits ?? []
            let commits = all.drop { $0.number <= first }.prefix { $0.number <= number }
            guard commits.first.map({ $0.number == first + 1 }) ?? true else {
                return reader.end("the journal begins with commit \(commits.first!.number), wanted is \(first + 1)")
            }
            self.read(commits, reader)
        }
    }

    /// A model's snapshots hold its commits up to this one: segments that only hold such serve again.
    ///
    /// - Parameter told: the commits whose snapshots the rest of the journal refers to.
    package func forget(
        _ history: History, through number: UInt64, _ told: @escaping @Sendable (_ restored: Set<UInt64>) -> Void
    ) {
        thread.run {
            self.writing.forget(history, through: number)
            self.release()
            told(self.writing.index.restored(history))
        }
    }

    /// Segments that nobody needs serve again, or go.
    private func release() {
        do throws(DiskFailure) { try writing.release() } catch { broken(error) }
    }

    private func read(_ commits: ArraySlice<JournalIndex.Commit>, _ reader: Reader) {
        var (rest, entries, byteCount) = (commits, [JournalEntry](), 0)
        while let commit = rest.first, byteCount < Limits.Journal.replayByteCount {
            do { entries.append(try writing.read(commit)) } catch { return reader.end("\(error)") }
            byteCount += commit.byteCount
            rest.removeFirst()
        }
        guard !entries.isEmpty else { return reader.end(nil) }
        reader.take(entries) { [rest] in self.thread.run { self.read(rest, reader) } }
    }
}

/// What only the journal's thread touches, once `NodeJournal.init` is over.
///
/// Safe because `NodeJournal` reaches it in its thread's work only.
private final class Writing: @unchecked Sendable {
    private let disk: any JournalDisk
    private var writer: JournalWriter
    private(set) var index: JournalIndex

    init(_ disk: any JournalDisk, _ writer: consuming JournalWriter, _ index: JournalIndex) {
        self.disk = disk
        self.writer = writer
        self.index = index
    }

    func write(_ entries: [UInt8]) throws(DiskFailure) {
        let place = try writer.append(entries) { index.heads }
        let count = index.models.count
        defer { if index.models.count < count { hasForgotten = true } }
        do throws(FormatError) {
            try index.take(entries, 0..<entries.count, segment: place.segment, shift: place.offset)
        } catch { preconditionFailure("entries that were just made: \(error)") }
    }

    /// Whether a model was deleted since the last release.
    private(set) var hasForgotten = false

    func forget(_ history: History, through number: UInt64) { index.forget(history, through: number) }

    func release() throws(DiskFailure) {
        hasForgotten = false
        try writer.release(below: index.oldestSegment ?? writer.segment)
    }

    private(set) var isClosed = false

    func close() {
        isClosed = true
        disk.close()
    }

    var segmentCount: Int { writer.segmentCount }

    func read(_ commit: JournalIndex.Commit) throws -> JournalEntry {
        let bytes = try disk.read(commit.segment, commit.offset..<commit.offset + commit.byteCount)
        let (_, entry, _) = try JournalEntry.read(bytes, at: 0, end: bytes.count, withRows: true)
        guard case .commit(let header, _, _) = entry, header.number == commit.number, header.hash == commit.hash else {
            throw JournalDamage(
                path: disk.path(of: commit.segment), offset: commit.offset,
                what: "commit \(commit.number) is not where it was written")
        }
        return entry
    }
}
