internal import Domain
internal import Features
internal import SystemPackage

/// Some examples on their way from file to learner.
///
/// Safe because one task at a time has it: the reader fills it, a parsing task expands it, the learner gives it back.
final class ExampleChunk: @unchecked Sendable {
    var text = ByteWindow(capacity: ExampleRoad.chunkByteCount)
    var parsed = ParsedExamples()
    var expanded = ExpandedExamples()
    /// Whether `text` is still to be parsed: what a cache has is not.
    var isText = true
    private var parser: LineParser
    private var expander: Expander

    init(_ parser: LineParser, _ expander: Expander) { (self.parser, self.expander) = (parser, expander) }

    func prepare() throws(VWError) {
        if isText {
            parsed.removeAll()
            _ = parser.parse(&text, endsText: true, into: &parsed)
        }
        try expander.expand(parsed, into: &expanded)
    }
}

/// Brings examples to the learner, parsed and expanded on other threads, in the order of their file.
struct ExampleRoad {
    let parser: LineParser
    let expander: Expander

    init(_ options: VWOptions) {
        parser = LineParser(options)
        expander = Expander(options)
    }

    /// Bytes of text parsed at a time: the features made of it fit the second-level cache.
    static let chunkByteCount = 64 << 10
    /// Chunks that wait at most.
    static let chunkCountMax = 2 * availableCoreCount() + 1

    /// Hands over every chunk of a file of text.
    func forEachChunk(
        of file: FileDescriptor, named path: String, _ body: (ExampleChunk) throws -> Bool
    ) async throws {
        var unfinished = ByteWindow()
        try await run(
            fill: { chunk in
                chunk.isText = true
                swap(&chunk.text, &unfinished)
                while true {
                    switch chunk.text.read(Self.chunkByteCount, fromFile: file.rawValue) {
                    case .failure(let failure): throw VWError.system(path: path, Errno(rawValue: failure.errorNumber))
                    case .success(0):
                        unfinished.removeAll()
                        return true
                    case .success: break
                    }
                    chunk.text.moveUnfinishedLine(to: &unfinished)
                    if chunk.text.byteCount > 0 { return false }
                    swap(&chunk.text, &unfinished)
                }
            }, body)
    }

    /// Hands over every chunk of a cache, from its beginning.
    func forEachChunk(
        of cache: inout ExampleCache.Reader, _ body: (ExampleChunk) throws -> Bool
    ) throws {
        cache.rewind()
        // Columns are read faster than they are learned: one task does both.
        let chunk = ExampleChunk(parser, expander)
        chunk.isText = false
        while try cache.next(into: &chunk.parsed) {
            try chunk.prepare()
            guard try body(chunk) else { return }
        }
    }

    /// - Parameters:
    ///   - fill: fills a chunk; true at the end of the file.
    ///   - body: takes a chunk; false when it wants no more.
    private func run(
        fill: (ExampleChunk) throws -> Bool, _ body: (ExampleChunk) throws -> Bool
    ) async throws {
        try await withThrowingTaskGroup(of: (Int, ExampleChunk).self) { group in
            var free = (0..<Self.chunkCountMax).map { _ in ExampleChunk(parser, expander) }
            var ready: [Int: ExampleChunk] = [:]
            var (read, taken) = (0, 0)
            var isAtEnd = false
            while true {
                while !isAtEnd, let chunk = free.popLast() {
                    isAtEnd = try fill(chunk)
                    let number = read
                    read += 1
                    group.addTask {
                        try chunk.prepare()
                        return (number, chunk)
                    }
                }
                guard taken < read else { break }
                while ready[taken] == nil, let (number, chunk) = try await group.next() { ready[number] = chunk }
                guard let chunk = ready.removeValue(forKey: taken), try body(chunk) else { break }
                taken += 1
                free.append(chunk)
            }
        }
    }
}
