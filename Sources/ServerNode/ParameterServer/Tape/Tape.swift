package import Domain
internal import Features
internal import Files
internal import Logging
package import SystemPackage
internal import Transport

/// Where a batch stands on a tape.
struct TapePlace: Sendable {
    var path: FilePath
    var range: Range<Int>
}

/// What a tape has of the batches asked for.
struct TapeFinding: Sendable {
    var places: [BatchID: TapePlace] = [:]
    /// Those of the trainer that is to be un-learned.
    var ofTrainer: [BatchID] = []
}

/// A node's log of what its intakes took, bounded by bytes and age, and of the order in which its clocks had it learned: what
/// un-learning learns again.
///
/// It is no part of durability: nothing waits for it and nothing is synced. What it lacks makes un-learning refuse, not guess.
package final class Tape: Sendable {
    private let folder: FilePath
    private let byteCountMax: Int
    private let fileByteCount: Int
    private let age: Duration
    private let log: Logger
    private let thread = WorkThread()
    private let waiting = Locked<[UInt8]>([])
    private let writing = Locked<(file: FileDescriptor, byteCount: Int)?>(nil)

    /// - Throws: when the folder cannot be made.
    package init(_ folder: FilePath, byteCountMax: Int, age: Duration, log: String) throws {
        self.folder = folder
        self.byteCountMax = byteCountMax
        fileByteCount = min(Limits.Tape.fileByteCount, byteCountMax / 4)
        self.age = age
        self.log = Logger(label: log)
        try makeFolders(folder)
    }

    // MARK: writing

    package func append(_ history: History, _ record: TapeRecord) {
        let bytes = record.bytes(history)
        let (isFirst, isDropped) = waiting.withLockedValue { waiting in
            guard waiting.count + bytes.count <= Limits.Tape.waitingByteCountMax else { return (false, true) }
            defer { waiting += bytes }
            return (waiting.isEmpty, false)
        }
        if isDropped { log.warning("the tape's disk is too slow: a batch is not on the tape") }
        if isFirst { thread.run { self.write() } }
    }

    private func write() {
        let bytes = waiting.withLockedValue { waiting in
            defer { waiting = [] }
            return waiting
        }
        guard !bytes.isEmpty else { return }
        do {
            let file = try openFile()
            _ = try file.writeAll(bytes)
            writing.withLockedValue { $0?.byteCount += bytes.count }
        } catch {
            log.error("batches are not on the tape", metadata: ["folder": "\(folder)", "error": "\(error)"])
            // What was cut off ends the file for its readers.
            close()
        }
    }

    private func openFile() throws -> FileDescriptor {
        if let (file, byteCount) = writing.withLockedValue({ $0 }), byteCount < fileByteCount {
            return file
        }
        close()
        let files = try self.files()
        try removeOld(files)
        let name = Name(number: (files.last?.number ?? 0) + 1, beganAtMilliseconds: millisecondsSince1970())
        let file = try FileDescriptor.open(
            folder.appending(name.file), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite])
        writing.withLockedValue { $0 = (file, 0) }
        return file
    }

    private func close() {
        if let (file, _) = writing.withLockedValue({ $0 }) { try? file.close() }  // nothing of it was promised
        writing.withLockedValue { $0 = nil }
    }

    /// The oldest go while there are too many bytes, and those whose last record is too old.
    private func removeOld(_ files: [Name]) throws {
        var byteCount = fileByteCount
        var kept = files.endIndex
        let oldest = millisecondsSince1970() - min(millisecondsSince1970(), UInt64(age.seconds * 1000))
        for place in files.indices.reversed() {
            let file = try FileDescriptor.open(folder.appending(files[place].file), .readOnly)
            let size = try file.closeAfter { Int(try file.seek(offset: 0, from: .end)) }
            byteCount += size
            let endedAt = place + 1 < files.endIndex ? files[place + 1].beganAtMilliseconds : .max
            guard byteCount <= byteCountMax, endedAt >= oldest else { break }
            kept = place
        }
        for file in files[..<kept] { try removeFile(folder.appending(file.file)) }
    }

    private struct Name {
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

    private func files() throws -> [Name] {
        try listFolder(folder).compactMap { Name($0) }.sorted { $0.number < $1.number }
    }

    // MARK: reading

    /// Finds batches of a model.
    func find(_ history: History, _ batches: [BatchID], of trainer: ModelName) async throws -> TapeFinding {
        try await onThread {
            let wanted = Set(batches)
            var finding = TapeFinding()
            try self.scan { path, range, found, record in
                guard found == history, case .batch(let batch, let name, _) = record, wanted.contains(batch) else {
                    return
                }
                finding.places[batch] = TapePlace(path: path, range: range)
                if name == trainer { finding.ofTrainer.append(batch) }
            }
            return finding
        }
    }

    /// The commits of a model by their hashes.
    func headers(_ history: History) async throws -> [UInt64: CommitHeader] {
        try await onThread {
            var headers: [UInt64: CommitHeader] = [:]
            try self.scan { _, _, found, record in
                if found == history, case .header(let header) = record { headers[header.hash] = header }
            }
            return headers
        }
    }

    func read(_ place: TapePlace) throws -> (trainer: ModelName?, examples: ExampleBatch)? {
        let file = try FileDescriptor.open(place.path, .readOnly)
        let bytes = try file.closeAfter { try readBytes(file, place.range) }
        guard case .batch(_, let trainer, let examples)? = TapeRecord.read(bytes, at: 0)?.record else { return nil }
        return (trainer, examples)
    }

    private func onThread<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await thread.call {
            self.write()
            return Result { try body() }
        }.get()
    }

    private func scan(_ body: (FilePath, Range<Int>, History, TapeRecord) -> Void) throws {
        for name in try files() {
            let path = folder.appending(name.file)
            let bytes = try readFile(path)
            var at = 0
            while let (history, record, end) = TapeRecord.read(bytes, at: at) {
                body(path, at..<end, history, record)
                at = end
            }
        }
    }
}
