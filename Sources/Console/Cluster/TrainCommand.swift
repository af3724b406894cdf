internal import ArgumentParser
internal import Domain
internal import Features
internal import Foundation
internal import Transport

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Post a file of examples to a server node.",
        discussion: """
            With --trainer each batch is learned exactly once: the file is resumed where the server says this trainer
            stood, and a lost connection is taken up again. Without it a file is posted once, batches are learned at
            least once. Resuming counts in batches: keep --batch-lines as it was.
            """)

    @Option(help: "HOST:PORT of a server node.") var server = "127.0.0.1:9000"
    @Option(help: "The model.") var model: String
    @Option(help: "This trainer's name.") var trainer: String?
    @OptionGroup var batches: BatchOptions
    @OptionGroup var format: FormatOption
    @Flag(help: "End with one line of JSON.") var json = false
    @Flag(help: "No progress.") var quiet = false
    @Argument(help: "Examples; '-' for standard input.") var file = "-"

    func run() async throws {
        let path = try modelPath(model)
        let source = try ExampleFile(file)
        let start = ContinuousClock.now
        var totals = TrainTotals()
        if let trainer {
            guard ModelName(trainer) != nil else {
                throw CommandFailure("--trainer: write 1 to 64 letters, digits, '_', '-' or '.'")
            }
            var post = NamedPost(
                server: server, path: path, trainer: trainer, batchLines: batches.batchLines,
                format: format.format)
            try await post.run(source) { totals.add($0, quiet: quiet) }
        } else {
            let node = try await NodeClient.connect(server, commandLoops)
            try await postOnce(node, path, source) { totals.add($0, quiet: quiet) }
        }
        let seconds = (ContinuousClock.now - start).seconds
        if !quiet {
            report(
                "learned \(totals.examples) examples in \(totals.batches) batches, refused \(totals.refused) lines, "
                    + "\(totals.duplicates) batches were known; \(Int(Double(totals.examples) / seconds)) examples/s")
        }
        if json {
            print(
                "{\"examples\":\(totals.examples),\"batches\":\(totals.batches),\"refused\":\(totals.refused),"
                    + "\"duplicates\":\(totals.duplicates),\"version\":\(totals.version),\"seconds\":\(fixed(seconds, 3))}"
            )
        }
    }

    /// Streams the file in one request; the node answers a line for each batch.
    private func postOnce(
        _ node: NodeClient, _ path: String, _ source: ExampleFile, _ answered: (BatchAck) -> Void
    ) async throws {
        let stream = try await node.http.open(
            .post, path + "/examples",
            headers: [("sluice-batch-lines", String(batches.batchLines)), ("content-type", format.format.contentType)])
        async let sending: Void = send(stream, source)
        guard try await stream.head.status == 200 else {
            var text = ""
            for try await chunk in stream.body { text += String(buffer: chunk) }
            throw CommandFailure("\(server): \(text)")
        }
        var lines = AckLines()
        for try await chunk in stream.body { for ack in try lines.append(chunk) { answered(ack) } }
        try await sending
    }

    private func send(_ stream: ClientStream, _ source: ExampleFile) async throws {
        var window = ByteWindow()
        while try source.read(256 << 10, into: &window) > 0 {
            var chunk = Bytes()
            chunk.writeBytes(window.bytes[..<window.byteCount])
            window.removeAll()
            do { try await stream.write(chunk) } catch { return }  // the answer says why
        }
        try? await stream.finish()  // the answer says why
    }
}

/// What a node answered to a batch.
struct BatchAck: Sendable {
    var sequence: UInt64
    var outcome: String
    var version: UInt64
    var examples: Int
    var refused: Int
    var next: UInt64
}

struct TrainTotals {
    var examples = 0
    var batches = 0
    var refused = 0
    var duplicates = 0
    var version: UInt64 = 0
    private var nextReport = 1024

    init() {}

    mutating func add(_ ack: BatchAck, quiet: Bool) {
        batches += 1
        examples += ack.examples
        refused += ack.refused
        if ack.outcome == "duplicate" { duplicates += 1 }
        version = max(version, ack.version)
        guard !quiet, examples >= nextReport else { return }
        report("\(pad(String(examples), 12)) examples, version \(version)")
        while nextReport <= examples { nextReport *= 2 }
    }
}

/// Cuts an answer into its lines.
struct AckLines {
    private var rest: [UInt8] = []

    mutating func append(_ chunk: Bytes) throws -> [BatchAck] {
        rest.append(contentsOf: chunk.readableBytesView)
        var acks: [BatchAck] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Data(rest[..<end])
            rest.removeSubrange(...end)
            let object = try JSONSerialization.jsonObject(with: line) as? [String: Any] ?? [:]
            if let error = object["error"] as? String, object["outcome"] == nil {
                // What is wrong with the body itself stays wrong.
                if let status = object["status"] as? Int, status < 500 { throw CommandFailure(error, isFinal: true) }
                throw TrainFailure.refused(error)
            }
            let ack = BatchAck(
                sequence: (object["sequence"] as? NSNumber)?.uint64Value ?? 0,
                outcome: object["outcome"] as? String ?? "",
                version: (object["version"] as? NSNumber)?.uint64Value ?? 0,
                examples: object["examples"] as? Int ?? 0, refused: object["refused"] as? Int ?? 0,
                next: (object["next"] as? NSNumber)?.uint64Value ?? 0)
            switch ack.outcome {
            case "gap": throw TrainFailure.gap(next: ack.next)
            case "conflict":
                throw CommandFailure(
                    "batch \(ack.sequence): this trainer's name was used for other bytes; choose another", isFinal: true
                )
            default: acks.append(ack)
            }
        }
        return acks
    }
}

enum TrainFailure: Error, CustomStringConvertible {
    case refused(String)
    case gap(next: UInt64)

    var description: String {
        switch self {
        case .refused(let text): text
        case .gap(let next): "the server expects batch \(next) of this trainer"
        }
    }
}
