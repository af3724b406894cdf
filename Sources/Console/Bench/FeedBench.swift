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
                let records = BenchRecords(bits: bits, rowsPerDelta: rows)
                exchange.write(Bytes(bytes: records.begin()))
                Self.push(exchange, records, after: interval, every: interval)
            },
        ])
        let listener = try await HTTPListener.start(
            host: address.host, port: address.port, group: commandLoops, router: router)
        let bound = Address(host: address.host, port: listener.port)
        tellStandardOutput("listening http=\(bound) peer=\(bound)")
        await TerminationSignal.wait()
    }

    /// Bytes handed over at a time, and the pause behind them: about what a link of 5 Gbit/s brings. On one machine with
    /// the worker's clients the sender must not hold a core for longer.
    private static let pieceByteCount = 64 << 10
    private static let piecePause: Duration = .microseconds(100)

    /// Pushes a delta after `wait`, and from then on one every `interval`, each when the one before is written.
    private static func push(
        _ exchange: Exchange, _ records: BenchRecords, after wait: Duration, every interval: Duration
    ) {
        _ = exchange.schedule(after: wait) { exchange in
            guard exchange.isAlive else { return }
            let due = ContinuousClock.now + interval
            // A worker that is behind gets its deltas later, as from a node.
            guard exchange.queuedByteCount < 64 << 20 else {
                return push(exchange, records, after: interval, every: interval)
            }
            var records = records
            let record = Bytes(bytes: records.next())
            let next = records
            write(record, exchange) {
                push($0, next, after: max(.zero, due - ContinuousClock.now), every: interval)
            }
        }
    }

    /// Writes a record in pieces; `done` behind the last, so that no record begins inside another.
    private static func write(_ record: Bytes, _ exchange: Exchange, done: @escaping @Sendable (Exchange) -> Void) {
        guard exchange.isAlive else { return }
        var rest = record
        guard let piece = rest.readSlice(length: min(pieceByteCount, rest.readableBytes)) else { return }
        exchange.write(piece)
        guard rest.readableBytes > 0 else { return done(exchange) }
        let waiting = rest
        _ = exchange.schedule(after: piecePause) { write(waiting, $0, done: done) }
    }
}

/// The records that `FeedBench` sends: every delta has the same rows with other values, made once and stamped anew.
private struct BenchRecords: Sendable {
    private var stamp: RecordStamp
    private let copy: [UInt8]
    private var deltas: [[UInt8]] = []
    private var version: UInt64 = 1

    init(bits: Int, rowsPerDelta: Int) {
        var spec = ModelSpec()
        spec.bits = bits
        stamp = RecordStamp(
            history: History(1), baseVersion: Version(1), version: Version(1), watermarkMilliseconds: 0,
            fingerprint: spec.fingerprint)
        var copy: [UInt8] = []
        appendSpec(spec.yaml, stamp: stamp, to: &copy)
        appendMark(.copyBegin, stamp: stamp, to: &copy)
        var deltaStamp = stamp
        deltaStamp.version = Version(2)
        var random = SplitMix64(state: 7)
        for _ in 0..<4 where rowsPerDelta > 0 {
            let share = Double(rowsPerDelta) / Double(1 << bits)
            let indices = (0..<UInt32(1 << bits)).filter { _ in random.unit() < share }
            let values = indices.map { _ in Float(random.unit() - 0.5) }
            if deltas.isEmpty {
                appendRows(.chunk, stamp: stamp, indices: indices.span, values: values.span, to: &copy)
            }
            var delta: [UInt8] = []
            appendRows(.delta, stamp: deltaStamp, indices: indices.span, values: values.span, to: &delta)
            deltas.append(delta)
        }
        appendMark(.copyEnd, stamp: stamp, to: &copy)
        self.copy = copy
    }

    func begin() -> [UInt8] { copy }

    mutating func next() -> [UInt8] {
        stamp.watermarkMilliseconds = millisecondsSince1970()
        guard !deltas.isEmpty else {
            var bytes: [UInt8] = []
            appendMark(.heartbeat, stamp: stamp, to: &bytes)
            return bytes
        }
        stamp.baseVersion = Version(version)
        version += 1
        stamp.version = Version(version)
        let turn = Int(version) % deltas.count
        // It was made by this program: it has a stamp.
        do { try restamp(&deltas[turn], stamp) } catch { preconditionFailure("\(error)") }
        return deltas[turn]
    }
}
