internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Files
internal import Format
internal import Foundation
internal import Transport

/// A server node's feed without the node: deltas of random rows at a steady rate, to measure a worker while it applies.
struct FeedBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feed", abstract: "Push deltas of random rows to workers at a steady rate.")

    @Option(help: "HOST:PORT for workers.") var listen = "127.0.0.1:9100"
    @Option(name: [.short, .long], help: "Index space of 2^bits.") var bits = 22
    @Option(help: "Rows a second; 0 sends the copy and heartbeats only.") var rowsPerSecond = 1_000_000
    @Option(help: "Time between deltas.") var publishEvery = "100ms"
    @Option(help: "The model's name.") var model = "bench"

    func run() async throws {
        guard let interval = Duration(text: publishEvery) else { throw CommandFailure("--publish-every wants a time") }
        let address = try Address(listen, of: "--listen")
        let (bits, rows, model) = (bits, Int(Double(rowsPerSecond) * interval.seconds), model)
        let router = Router([
            .whole(.get, "/v1/peer/models", bodyLimit: 0) { exchange, _ in
                exchange.respond(status: 200, contentType: "text/plain", body: Bytes(string: model + "\n"))
            },
            .whole(.get, "/v1/peer/models/{model}/feed", bodyLimit: 0) { exchange, _ in
                exchange.start(status: 200, contentType: "application/octet-stream")
                var records = BenchRecords(bits: bits, rowsPerDelta: rows)
                exchange.write(Bytes(bytes: records.begin()))
                Self.push(exchange, records, every: interval)
            },
        ])
        let listener = try await HTTPListener.start(
            host: address.host, port: address.port, group: commandLoops, router: router)
        let bound = Address(host: address.host, port: listener.port)
        tellStandardOutput("listening http=\(bound) peer=\(bound)")
        await TerminationSignal.wait()
    }

    private static func push(_ exchange: Exchange, _ records: BenchRecords, every interval: Duration) {
        let next = records
        _ = exchange.schedule(after: interval) { exchange in
            guard exchange.isAlive else { return }
            var records = next
            // A worker that is behind gets its deltas later, as from a node.
            if exchange.queuedByteCount < 64 << 20 { exchange.write(Bytes(bytes: records.next())) }
            push(exchange, records, every: interval)
        }
    }
}

/// The records that `FeedBench` sends: every delta has the same rows with other values, so making it costs little.
private struct BenchRecords: Sendable {
    private let spec: ModelSpec
    private var stamp: RecordStamp
    private var deltas: [(indices: [UInt32], values: [Float])] = []
    private var version: UInt64 = 1

    init(bits: Int, rowsPerDelta: Int) {
        var spec = ModelSpec()
        spec.bits = bits
        self.spec = spec
        stamp = RecordStamp(
            history: History(1), baseVersion: Version(1), version: Version(1), watermarkMilliseconds: 0,
            fingerprint: spec.fingerprint)
        var random = SplitMix64(state: 7)
        for _ in 0..<4 where rowsPerDelta > 0 {
            let share = Double(rowsPerDelta) / Double(1 << bits)
            let indices = (0..<UInt32(1 << bits)).filter { _ in random.unit() < share }
            deltas.append((indices, indices.map { _ in Float(random.unit() - 0.5) }))
        }
    }

    mutating func begin() -> [UInt8] {
        var bytes: [UInt8] = []
        appendSpec(spec.yaml, stamp: stamp, to: &bytes)
        appendMark(.copyBegin, stamp: stamp, to: &bytes)
        for delta in deltas.prefix(1) {
            appendRows(.chunk, stamp: stamp, indices: delta.indices.span, values: delta.values.span, to: &bytes)
        }
        appendMark(.copyEnd, stamp: stamp, to: &bytes)
        return bytes
    }

    mutating func next() -> [UInt8] {
        var bytes: [UInt8] = []
        stamp.watermarkMilliseconds = millisecondsSince1970()
        guard !deltas.isEmpty else {
            appendMark(.heartbeat, stamp: stamp, to: &bytes)
            return bytes
        }
        stamp.baseVersion = Version(version)
        version += 1
        stamp.version = Version(version)
        let delta = deltas[Int(version) % deltas.count]
        appendRows(.delta, stamp: stamp, indices: delta.indices.span, values: delta.values.span, to: &bytes)
        return bytes
    }
}
