internal import ArgumentParser
internal import Domain
internal import Features
internal import SystemPackage

/// A chunk of a file on its way from reader to learner.
///
/// Safe because one task at a time has it: the reader fills the text, a parsing task the batch, the learner returns it.
final class Chunk: @unchecked Sendable {
    var text = ByteWindow(capacity: ExampleSource.chunkByteCount)
    var batch = ExampleBatch()
    var errors = LineErrors()
    var lineCount = 0
    var parser: ExampleParser

    init(parser: ExampleParser) { self.parser = parser }

    func parse() {
        batch.removeAll()
        errors = LineErrors()
        lineCount = parser.parse(&text, endsText: true, firstLine: 1, into: &batch, errors: &errors).lineCount
    }
}

/// Reads examples of a file or of standard input (`-`), packed or not, parses chunks on every core, hands them over in order.
struct ExampleSource {
    let path: String
    let spec: ModelSpec
    let purpose: ExampleParser.Purpose
    var format = ExampleFormat.vw
    /// Lines of every chunk but the last, where it matters where a batch ends; otherwise chunks are cut by bytes.
    var lineCount: Int? = nil

    /// Bytes of text parsed at a time: fits the second-level cache, and a hand-over costs little beside it.
    static let chunkByteCount = 64 << 10
    /// Chunks parsed ahead of the learner: enough to keep every core busy, few enough to stay in its cache.
    static let chunkCountMax = 2 * availableCoreCount() + 1

    /// Calls `body` with each chunk's batch, in the order of the file. Errors carry the file's line numbers.
    func forEach(_ body: (borrowing ExampleBatch, LineErrors) throws -> Void) async throws {
        let file = try ExampleFile(path)
        try await withThrowingTaskGroup(of: (Int, Chunk).self) { group in
            var parser = ExampleParser(Plan(spec), format, purpose: purpose)
            var unfinished = ByteWindow()
            var linesBefore = try readHeader(&parser, &unfinished, from: file)
            let ready = parser
            var free = (0..<Self.chunkCountMax).map { _ in Chunk(parser: ready) }
            var parsed: [Int: Chunk] = [:]
            var (read, learned) = (0, 0)
            var isAtEnd = false
            while true {
                while !isAtEnd, let chunk = free.popLast() {
                    isAtEnd = try fill(chunk, unfinished: &unfinished, from: file)
                    let number = read
                    read += 1
                    group.addTask {
                        chunk.parse()
                        return (number, chunk)
                    }
                }
                guard learned < read else { break }
                while parsed[learned] == nil, let (number, chunk) = try await group.next() { parsed[number] = chunk }
                guard let chunk = parsed.removeValue(forKey: learned) else { break }
                try body(chunk.batch, chunk.errors.shifted(by: linesBefore))
                linesBefore += chunk.lineCount
                learned += 1
                free.append(chunk)
            }
        }
    }

    /// Reads a header, if the format has one, and leaves what stands behind it; how many lines that is.
    private func readHeader(
        _ parser: inout ExampleParser, _ unfinished: inout ByteWindow, from file: ExampleFile
    ) throws -> Int {
        while parser.needsHeader {
            let isAtEnd = try file.read(Self.chunkByteCount, into: &unfinished) == 0
            do throws(HeaderError) {
                if let byteCount = try parser.readHeader(&unfinished, endsText: isAtEnd) {
                    unfinished.removeFirst(byteCount)
                    return 1
                }
            } catch { throw CommandFailure("\(path): \(error)") }
            if isAtEnd { throw CommandFailure("\(path): empty, where a header should stand") }
        }
        return 0
    }

    /// Fills a chunk with whole lines; true when the file has ended.
    private func fill(_ chunk: Chunk, unfinished: inout ByteWindow, from file: ExampleFile) throws -> Bool {
        if let lineCount { return try fill(chunk, lineCount, &unfinished, from: file) }
        swap(&chunk.text, &unfinished)
        while true {
            let got = try file.read(Self.chunkByteCount, into: &chunk.text)
            if got == 0 {
                unfinished.removeAll()
                return true
            }
            chunk.text.moveUnfinishedLine(to: &unfinished)
            if chunk.text.byteCount > 0 { return false }
            swap(&chunk.text, &unfinished)
        }
    }

    /// Fills a chunk with that many lines; true when the file has ended.
    private func fill(
        _ chunk: Chunk, _ lineCount: Int, _ unfinished: inout ByteWindow, from file: ExampleFile
    ) throws -> Bool {
        chunk.text.removeAll()
        var search = LineSearch(lineCount: lineCount)
        while true {
            if let end = search.end(in: unfinished) {
                chunk.text.append(unfinished.bytes[..<end])
                unfinished.removeFirst(end)
                return false
            }
            if try file.read(Self.chunkByteCount, into: &unfinished) == 0 {
                swap(&chunk.text, &unfinished)
                return true
            }
        }
    }
}
