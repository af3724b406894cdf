package import Domain
internal import Features
internal import Files
internal import Logging
package import SystemPackage
internal import Transport

/// Where a batch stands on a tape.
package struct TapePlace: Sendable {
    var file: Tape.Name
    var range: Range<Int>
}

/// What a tape has of the batches asked for.
package struct TapeFinding: Sendable {
    package var places: [BatchID: TapePlace] = [:]
    /// Those of the trainer that is to be un-learned.
    package var ofTrainer: [BatchID] = []
}

/// A node's log of what its intakes took, bounded by bytes and age, and of the order in which its clocks had it learned: what
/// un-learning learns again.
///
/// It is no part of durability: nothing waits for it and nothing is synced. What it lacks makes un-learning refuse, not guess.
/// One thread writes, another reads, so that a long search does not hold up what is to be written.
package final class Tape: Sendable {
    let folder: FilePath
    let thread = WorkThread()
    let readingThread = WorkThread()
    /// What readers still need.
    let needed = Locked(Needed())
    private let byteCountMax: Int
    private let fileByteCount: Int
    private let age: Duration
    /// The longest that one file is written: they go as wholes.
    private let fileAge: Duration
    private let log: Logger
    private let waiting = Locked<[UInt8]>([])
    private let writing = Locked<(file: FileDescriptor, name: Name, byteCount: Int)?>(nil)
    /// Whether the last batch was not kept: the log says it once.
    private let isFailing = Locked(false)

    struct Needed {
        /// All files are looked through.
        var isScanned = false
        /// By model, the first file with a batch that will be learned again.
        var files: [History: UInt64] = [:]

        func includes(_ name: Name) -> Bool { isScanned || files.values.contains { $0 <= name.number } }
    }

    /// - Throws: when the folder cannot be made.
    package init(_ folder: FilePath, byteCountMax: Int, age: Duration, log: String) throws {
        self.folder = folder
        self.byteCountMax = byteCountMax
        fileByteCount = min(Limits.Tape.fileByteCount, byteCountMax / 4)
        self.age = age
        fileAge = age / 8
        self.log = Logger(label: log)
        try makeFolders(folder)
        watchAge()
    }

    // MARK: writing

    package func append(_ history: History, _ record: TapeRecord) {
        let bytes = record.bytes(history)
        let (isFirst, isDropped) = waiting.withLockedValue { waiting in
            guard waiting.count + bytes.count <= Limits.Tape.waitingByteCountMax else { return (false, true) }
            defer { waiting += bytes }
            return (waiting.isEmpty, false)
        }
        if isDropped { tellFailed("its disk is too slow") }
        if isFirst { thread.run { self.write() } }
    }

    private func tellFailed(_ reason: String) {
        let isFirst = isFailing.withLockedValue { isFailing in
            defer { isFailing = true }
            return !isFailing
        }
        if isFirst {
            log.error("batches are not on the tape", metadata: ["folder": "\(folder)", "error": "\(reason)"])
        }
    }

    /// Writes what waits. On `thread`.
    func write() {
        let bytes = waiting.withLockedValue { waiting in
            defer { waiting = [] }
            return waiting
        }
        guard !bytes.isEmpty else { return }
        do {
            let file = try openFile()
            _ = try file.writeAll(bytes)
            writing.withLockedValue { $0?.byteCount += bytes.count }
            isFailing.withLockedValue { $0 = false }
        } catch {
            tellFailed("\(error)")
            // What was cut off ends the file for its readers.
            close()
        }
    }

    private func openFile() throws -> FileDescriptor {
        if let (file, name, byteCount) = writing.withLockedValue({ $0 }), byteCount < fileByteCount,
            !isOver(name, after: fileAge)
        {
            return file
        }
        close()
        let files = try self.files()
        try removeOld(files)
        let name = Name(number: (files.last?.number ?? 0) + 1, beganAtMilliseconds: millisecondsSince1970())
        let file = try FileDescriptor.open(
            folder.appending(name.file), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
        writing.withLockedValue { $0 = (file, name, 0) }
        return file
    }

    private func close() {
        if let (file, _, _) = writing.withLockedValue({ $0 }) { try? file.close() }  // nothing of it was promised
        writing.withLockedValue { $0 = nil }
    }

    private func isOver(_ name: Name, after time: Duration) -> Bool {
        millisecondsSince1970() >= name.beganAtMilliseconds + UInt64(time.seconds * 1000)
    }

    /// The oldest go while there are too many bytes, and those of which every record is too old; but for what is needed.
    private func removeOld(_ files: [Name]) throws {
        var byteCount = fileByteCount
        var kept = files.endIndex
        for place in files.indices.reversed() {
            let file = try FileDescriptor.open(folder.appending(files[place].file), .readOnly)
            let size = try file.closeAfter { Int(try file.seek(offset: 0, from: .end)) }
            byteCount += size
            guard byteCount <= byteCountMax, !isOver(files[place], after: age + fileAge) else { break }
            kept = place
        }
        for name in files[..<kept] {
            // Under the lock: nobody begins to look through what goes.
            try needed.withLockedValue { needed in
                if !needed.includes(name) { try removeFile(folder.appending(name.file)) }
            }
        }
    }

    /// Removes what is too old though nothing comes any more.
    private func watchAge() {
        thread.run(after: min(fileAge, .seconds(3600))) { [weak self] in
            guard let self else { return }
            if let (_, name, _) = writing.withLockedValue({ $0 }), isOver(name, after: fileAge) { close() }
            do { try removeOld(files()) } catch {
                log.error("old files of the tape are left", metadata: ["folder": "\(folder)", "error": "\(error)"])
            }
            watchAge()
        }
    }

    struct Name: Sendable {
        var number: UInt64
        var beganAtMilliseconds: UInt64

        init(number: UInt64, beganAtMilliseconds: UInt64) {
            (self.number, self.beganAtMilliseconds) = (number, beganAtMilliseconds)
        }

        init?(_ file: String) {
            guard file.hasSuffix(".tape") else { return nil }
            let parts = file.dropLast(5).split(separator: "-")
            guard parts.count == 2, let number = UInt64(parts[0]), let at = UInt64(parts[1]) else { return nil }
            self.init(number: number, beganAtMilliseconds: at)
        }

        var file: String { "\(number)-\(beganAtMilliseconds).tape" }
    }

    func files() throws -> [Name] {
        try listFolder(folder).compactMap { Name($0) }.sorted { $0.number < $1.number }
    }
}
