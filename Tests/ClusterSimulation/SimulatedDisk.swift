internal import Domain
internal import Format
internal import Journal
internal import ParameterServer
internal import TestSupport

/// A disk that a power loss leaves with any part of what was not synced, in pieces, and that may be full or break.
final class SimulatedDisk: JournalDisk {
    /// What is to happen at a sync.
    enum Accident {
        /// There is no room; the next try finds some.
        case full
        /// The process ends before the sync is over.
        case broken
    }
    private(set) var files: [UInt64: [UInt8]] = [:]
    private var unsynced: [(segment: UInt64, offset: Int, bytes: [UInt8])] = []
    var accident: Accident?
    /// Kept, the newest last.
    var snapshots: [SimulatedSnapshot] = []
    /// The commit whose snapshot a command may want.
    var pinned = PinnedSnapshots()

    init(_ files: [UInt64: [UInt8]] = [:]) { self.files = files }

    /// Damages what is on the disk.
    func change(_ segment: UInt64, _ body: (inout [UInt8]) -> Void) { body(&files[segment]!) }

    func segments() -> [UInt64] { files.keys.sorted() }
    func path(of segment: UInt64) -> String { "segment \(segment)" }

    func read(_ segment: UInt64) -> [UInt8] {
        var bytes = files[segment] ?? []
        for write in unsynced where write.segment == segment { Self.put(write.bytes, at: write.offset, in: &bytes) }
        return bytes
    }

    func read(_ segment: UInt64, _ range: Range<Int>) -> [UInt8] { Array(read(segment)[range]) }

    func make(_ segment: UInt64, from old: UInt64?, byteCount: Int) throws(DiskFailure) {
        if accident == .full {
            accident = nil
            throw DiskFailure(.full, "no room")
        }
        var bytes = files[segment] ?? old.flatMap { files.removeValue(forKey: $0) } ?? []
        bytes.append(contentsOf: repeatElement(0, count: max(0, byteCount - bytes.count)))
        files[segment] = bytes
    }

    func write(_ bytes: [UInt8], to segment: UInt64, at offset: Int) throws(DiskFailure) {
        unsynced.append((segment, offset, bytes))
        if accident == .full {
            accident = nil
            throw DiskFailure(.full, "no room")
        }
    }

    func sync(_ segment: UInt64) throws(DiskFailure) {
        if accident == .broken {
            accident = nil
            throw DiskFailure(.broken, "an input or output error")
        }
        for write in unsynced { Self.put(write.bytes, at: write.offset, in: &files[write.segment]!) }
        unsynced = []
    }

    func remove(_ segment: UInt64) { files[segment] = nil }

    func keepAside(_ bytes: [UInt8], as name: String) -> String { name }

    /// The process ended; with a loss of power, sectors of what was not synced are kept, lost or garbled, each on its own.
    func crashed(power: Bool, _ random: inout SeededGenerator) {
        accident = nil
        for write in unsynced {
            for start in stride(from: 0, to: write.bytes.count, by: 16) {
                let sector = Array(write.bytes[start..<min(start + 16, write.bytes.count)])
                switch power ? Int.random(in: 0..<8, using: &random) : 0 {
                case 0..<4: Self.put(sector, at: write.offset + start, in: &files[write.segment]!)
                case 4:
                    let garbled = sector.map { $0 ^ UInt8.random(in: 0...255, using: &random) }
                    Self.put(garbled, at: write.offset + start, in: &files[write.segment]!)
                default: break
                }
            }
        }
        unsynced = []
    }

    private static func put(_ bytes: [UInt8], at offset: Int, in file: inout [UInt8]) {
        if file.count < offset + bytes.count {
            file.append(contentsOf: repeatElement(0, count: offset + bytes.count - file.count))
        }
        file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
}

/// A snapshot as its file would hold it.
struct SimulatedSnapshot {
    var records: [[UInt8]]
    var footer: SnapshotFooter
}

/// A node's journal without a thread: the product's writer, scan and index over a simulated disk.
final class SimulatedJournal {
    let disk: SimulatedDisk
    private var writer: JournalWriter
    private(set) var index = JournalIndex()
    private(set) var recovered: RecoveredModel?
    /// Given and not written; whether the node was told that they are.
    var waiting: [(entry: JournalEntry, isTold: Bool)] = []
    private var refusedCount: Int?
    private let history: History

    /// - Throws: what makes a node refuse to start.
    init(_ disk: SimulatedDisk, _ history: History) throws {
        self.disk = disk
        self.history = history
        var index = JournalIndex()
        let scan = try JournalScan(disk) { bytes, payload, segment, shift in
            try index.take(bytes, payload, segment: segment, shift: shift)
        }
        writer = try JournalWriter(disk, after: scan, segmentByteCount: 2000, random: 7)
        self.index = index
        recovered = index.models[history].map {
            RecoveredModel(history, $0, snapshot: disk.snapshots.last?.footer.header)
        }
    }

    /// Writes what waits as one frame.
    ///
    /// - Returns: the entries that are on the disk now; none when it is full.
    func write() throws(DiskFailure) -> [(entry: JournalEntry, isTold: Bool)] {
        // What a full disk refused is tried again as it was, as `NodeJournal` does.
        let count = refusedCount ?? waiting.count
        var entries = FieldWriter()
        for (entry, _) in waiting.prefix(count) { entry.write(history, to: &entries) }
        let place: (segment: UInt64, offset: Int)
        do throws(DiskFailure) {
            place = try writer.append(entries.bytes) { index.heads }
        } catch {
            guard error.kind == .full else { throw error }
            refusedCount = count
            return []
        }
        refusedCount = nil
        do { try index.take(entries.bytes, 0..<entries.bytes.count, segment: place.segment, shift: place.offset) } catch
        {
            preconditionFailure("\(error)")
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }

    /// Snapshots hold the commits up to this one.
    func forget(through number: UInt64) {
        index.forget(history, through: number)
        do { try writer.release(below: index.oldestSegment ?? writer.segment) } catch {
            preconditionFailure("\(error)")
        }
    }

    /// The commits behind one and up to another, and the version published before the last.
    func commits(
        after first: UInt64 = 0, through number: UInt64
    ) -> (published: Version, entries: [JournalEntry]) {
        let all = index.models[history]?.commits ?? []
        let commits = all.drop { $0.number <= first }.prefix { $0.number <= number }
        precondition(first == 0 || commits.first.map { $0.number == first + 1 } ?? true, "the journal reaches back")
        let entries = commits.map { commit in
            let bytes = disk.read(commit.segment, commit.offset..<commit.offset + commit.byteCount)
            guard let read = try? JournalEntry.read(bytes, at: 0, end: bytes.count, withRows: true) else {
                preconditionFailure("an entry is where it was written")
            }
            return read.1
        }
        return (commits.last?.publishedVersion ?? .zero, entries)
    }
}
