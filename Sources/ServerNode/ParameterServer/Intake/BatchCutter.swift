internal import Domain
package import Features
internal import Format

/// Cuts a stream of text into batches, parsing as bytes come. Knows nothing of sockets or time.
///
/// Every `lineCount` lines, bad and empty ones included, are one batch; without it the whole text is one. A header is no such line.
package struct BatchCutter: Sendable {
    /// A batch whose lines are all read.
    package struct Batch: Sendable {
        package var examples: ExampleBatch
        package var errors: LineErrors
        package var byteCount: Int
        package var lineCount: Int
        /// Of the raw bytes of its lines, and of the body's header before them.
        package var digest: UInt64
    }

    package enum Failure: Error, Equatable {
        /// The body cannot be read: a sentence.
        case unreadable(String)
        /// One batch is larger than `byteCountMax`.
        case batchTooLarge(line: Int)
        /// The same, of tensors; which batch of the body, from 1 on.
        case tensorsTooLarge(batch: Int)

        /// The status it is answered with, and why.
        var answer: (status: Int, text: String) {
            let limit = Limits.Training.batchByteCountMax
            return switch self {
            case .unreadable(let reason): (400, reason)
            case .batchTooLarge(let line):
                (
                    413,
                    "a batch is larger than \(limit) bytes (line \(line)); send smaller ones, or set Sluice-Batch-Lines"
                )
            case .tensorsTooLarge(let batch): (413, "batch \(batch) is larger than \(limit) bytes; send smaller ones")
            }
        }
    }

    private let lineCount: Int?
    private let byteCountMax: Int
    private var parser: ExampleParser
    private var window = ByteWindow()
    private var examples = ExampleBatch()
    private var errors = LineErrors()
    private var digest = ContentDigest()
    /// Where each batch's digest begins: behind the body's header, under which its lines mean what they do.
    private var digestOfHeader = ContentDigest()
    private var byteCount = 0
    private var linesInBatch = 0
    /// Number of the next line, counted from 1 over the whole text.
    private var line = 1
    /// Batches given back, whose memory serves again.
    private var spare: [ExampleBatch] = []

    package init(
        _ plan: Plan, _ format: ExampleFormat = .vw, lineCount: Int?,
        byteCountMax: Int = Limits.Training.batchByteCountMax
    ) {
        self.lineCount = lineCount
        self.byteCountMax = byteCountMax
        parser = ExampleParser(plan, format, purpose: .training)
    }

    package mutating func append(_ text: RawSpan) { window.append(text) }

    /// Whether text is here that no batch has.
    package var hasText: Bool { window.byteCount > 0 || linesInBatch > 0 }

    /// The next whole batch, or nil when more text is needed.
    ///
    /// - Parameter endsText: no more comes: the last batch may be shorter, the last line without a line feed.
    package mutating func next(endsText: Bool) throws(Failure) -> Batch? {
        if parser.needsHeader {
            guard try readHeader(endsText: endsText) else { return nil }
        }
        while true {
            if let lineCount, linesInBatch == lineCount { return finish() }
            let (bytes, lines) = parser.parse(
                &window, lineCountMax: (lineCount ?? .max) - linesInBatch, endsText: endsText, firstLine: line,
                into: &examples, errors: &errors)
            if lines == 0 { break }
            // Here as well as below, so that the answer does not depend on how the bytes came.
            guard byteCount + bytes <= byteCountMax else { throw .batchTooLarge(line: line) }
            digest.add(window.bytes, first: bytes)
            window.removeFirst(bytes)
            byteCount += bytes
            line += lines
            linesInBatch += lines
        }
        guard byteCount + window.byteCount <= byteCountMax else {
            throw .batchTooLarge(line: line)
        }
        return endsText && linesInBatch > 0 ? finish() : nil
    }

    /// Reads the body's header, which belongs to no batch and all; false while it has not come.
    private mutating func readHeader(endsText: Bool) throws(Failure) -> Bool {
        let byteCount: Int?
        do throws(HeaderError) { byteCount = try parser.readHeader(&window, endsText: endsText) } catch {
            throw .unreadable(error.description)
        }
        guard let byteCount else { return false }
        digestOfHeader.add(window.bytes, first: byteCount)
        digest = digestOfHeader
        window.removeFirst(byteCount)
        line += 1
        return true
    }

    /// Takes back a batch that was learned.
    package mutating func recycle(_ batch: consuming ExampleBatch) {
        guard spare.count < Limits.Training.batchesInFlightMax else { return }
        batch.removeAll()
        spare.append(batch)
    }

    private mutating func finish() -> Batch {
        let batch = Batch(
            examples: examples, errors: errors, byteCount: byteCount, lineCount: linesInBatch, digest: digest.value)
        examples = spare.popLast() ?? ExampleBatch()
        errors = LineErrors()
        digest = digestOfHeader
        byteCount = 0
        linesInBatch = 0
        return batch
    }
}
