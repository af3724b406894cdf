internal import ArgumentParser
internal import Domain
internal import Features
internal import Transport

/// A named trainer's post of a file: batches are kept until they are acknowledged, and sent again after a failure from
/// where the server says it stands.
struct NamedPost {
    let server: String
    let path: String
    let trainer: String
    let batchLines: Int
    let format: ExampleFormat
    /// The file's first line, where it is a header: every post begins with it. Nil until it is read.
    private var header: Bytes?
    /// Batches read and not yet acknowledged, in order; the first has number `firstUnacknowledged`.
    private var kept: [Bytes] = []
    private var firstUnacknowledged: UInt64 = 1
    private var window = ByteWindow()
    private var search: LineSearch
    private var isAtEnd = false

    /// Batches kept at a time; the server holds back earlier.
    private static let keptBatchCountMax = 64
    /// Failures in a row after which the post gives up.
    private static let attemptCountMax = 20

    init(server: String, path: String, trainer: String, batchLines: Int, format: ExampleFormat) {
        self.server = server
        self.path = path
        self.trainer = trainer
        self.batchLines = batchLines
        self.format = format
        header = format.hasHeader ? nil : Bytes()
        search = LineSearch(lineCount: batchLines)
    }

    mutating func run(_ file: ExampleFile, _ answered: (BatchAck) -> Void) async throws {
        var backoff = Backoff(random: SystemRandomNumberGenerator())
        var failures = 0
        while true {
            do {
                let node = try await NodeClient.connect(server, commandLoops)
                // A name never heard is 404; whatever else is wrong, the post itself will say.
                let known = try? await node.json(.get, path + "/trainers/\(trainer)")
                try await skip(to: (known?["next"] as? Int).map(UInt64.init) ?? 1, file)
                while true {
                    try read(file)
                    if kept.isEmpty { return }
                    try await post(node, answered)
                    failures = 0
                    backoff.reset()
                }
            } catch let error as CommandFailure where error.isFinal { throw error } catch {
                failures += 1
                guard failures <= Self.attemptCountMax else { throw error }
                if case TrainFailure.gap(let next) = error, next < firstUnacknowledged {
                    throw CommandFailure(
                        "the server expects batch \(next) of this trainer, which was read already: start the file again"
                    )
                }
                report("trying again: \(error)")
                try await Task.sleep(for: backoff.next())
            }
        }
    }

    /// Drops what the server has learned, reading on where it is ahead of what was read.
    private mutating func skip(to next: UInt64, _ file: ExampleFile) async throws {
        while firstUnacknowledged < next {
            try read(file)
            guard !kept.isEmpty else { return }
            kept.removeFirst()
            firstUnacknowledged += 1
        }
    }

    /// Reads batches until enough are kept.
    private mutating func read(_ file: ExampleFile) throws {
        while header == nil {
            guard let end = window.endOfFirstLine(endsText: isAtEnd) else {
                if isAtEnd { throw CommandFailure("\(file.path): empty, where a header should stand", isFinal: true) }
                isAtEnd = try file.read(256 << 10, into: &window) == 0
                continue
            }
            header = Bytes(bytes: window.bytes[..<end])
            window.removeFirst(end)
        }
        while kept.count < Self.keptBatchCountMax {
            if let end = search.end(in: window) {
                kept.append(Bytes(bytes: window.bytes[..<end]))
                window.removeFirst(end)
            } else if isAtEnd {
                guard window.byteCount > 0 else { return }
                kept.append(Bytes(bytes: window.bytes[..<window.byteCount]))
                window.removeAll()
            } else {
                isAtEnd = try file.read(256 << 10, into: &window) == 0
            }
        }
    }

    /// Posts what is kept in one request and drops what is acknowledged.
    private mutating func post(_ node: NodeClient, _ answered: (BatchAck) -> Void) async throws {
        let stream = try await node.http.open(
            .post, path + "/examples",
            headers: [
                ("sluice-trainer", trainer), ("sluice-sequence", String(firstUnacknowledged)),
                ("sluice-batch-lines", String(batchLines)), ("content-type", format.contentType),
            ])
        let batches = (header.map { [$0] } ?? []) + kept
        async let sending: Void = send(batches, stream)
        guard try await stream.head.status == 200 else {
            var text = ""
            for try await chunk in stream.body { text += String(buffer: chunk) }
            throw TrainFailure.refused(text)
        }
        var lines = AckLines()
        for try await chunk in stream.body {
            for ack in try lines.append(chunk) {
                answered(ack)
                kept.removeFirst()
                firstUnacknowledged += 1
            }
        }
        try await sending
        if !kept.isEmpty { throw TrainFailure.refused("the answer ended early") }
    }

    private func send(_ batches: [Bytes], _ stream: ClientStream) async throws {
        for batch in batches where batch.readableBytes > 0 {
            do { try await stream.write(batch) } catch { return }  // the answer says why
        }
        try? await stream.finish()  // the answer says why
    }
}
