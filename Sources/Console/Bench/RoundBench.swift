internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Features
internal import Files
internal import Transport

/// The round trip of settled rounds between two processes: residuals there, partial margins back, nothing computed.
///
/// One process is the owner (`--listen`), one the clock (`--server`). Each may also parse text on a thread of its own,
/// which gives way, as an intake's would.
struct RoundBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "round", abstract: "Measure the round trip between a clock and an owner over HTTP/2.")

    @Option(help: "HOST:PORT: be the owner, until SIGTERM.") var listen: String?
    @Option(help: "HOST:PORT of an owner: be the clock.") var server: String?
    @Option(help: "Examples of a window.") var window = 256
    @Option(help: "Threads that parse meanwhile, in this process.") var parsers = 0
    @Option(help: "Niceness of those threads, 0 to 19.") var niceness: Int32 = 19
    @Option(help: "How long.") var seconds = 2.0
    @Flag(help: "One line of JSON.") var json = false

    func validate() throws {
        guard (listen == nil) != (server == nil) else { throw ValidationError("give either --listen or --server") }
        guard (1...Limits.Learning.windowMax).contains(window) else {
            throw ValidationError("--window wants 1 to \(Limits.Learning.windowMax)")
        }
        guard (0...16).contains(parsers), (0...19).contains(niceness), seconds > 0 else {
            throw ValidationError("--parsers wants 0 to 16, --niceness 0 to 19, --seconds a time")
        }
    }

    func run() async throws {
        let parsing = (0..<parsers).map { _ in ParsingThread(niceness: niceness) }
        if let listen { try await own(try Address(listen, of: "--listen")) }
        if let server { try await clock(try Address(server, of: "--server"), parsing) }
        for thread in parsing { thread.stop() }
    }

    private func own(_ address: Address) async throws {
        let window = window
        let listener = try await HTTPListener.start(
            host: address.host, port: address.port, group: commandLoops,
            router: Router([
                .streaming(.post, "/v1/bench/rounds") { exchange in
                    exchange.start(status: 200, contentType: "application/octet-stream")
                    return RoundOwner(window: window)
                }
            ]))
        tellStandardOutput("listening http=\(Address(host: address.host, port: listener.port))")
        await TerminationSignal.wait()
    }

    private func clock(_ address: Address, _ parsing: [ParsingThread]) async throws {
        // The connection's thread runs the rounds too: nothing is handed over inside a round.
        let thread = WorkThread()
        let http = try await HTTPClient.connect(host: address.host, port: address.port, on: thread.loops)
        let (window, seconds) = (window, seconds)
        let took = try await Task(executorPreference: thread) {
            try await Self.rounds(http, window: window, seconds: seconds)
        }.value
        await http.close()
        guard !took.isEmpty else { throw CommandFailure("no round came back in \(seconds) s") }
        let sorted = took.sorted()
        let mean = took.reduce(0, +) / Double(took.count)
        let place = { (share: Double) in sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] }
        let parsed = parsing.reduce(0) { $0 + $1.lineCount }
        if json {
            print(
                "{\"rounds\":\(took.count),\"mean_us\":\(fixed(mean, 1)),\"p50_us\":\(fixed(place(0.5), 1)),"
                    + "\"p99_us\":\(fixed(place(0.99), 1)),\"parsed_per_second\":\(Int(Double(parsed) / seconds))}")
        } else {
            print(
                "\(took.count) rounds, us: mean \(fixed(mean, 1)), p50 \(fixed(place(0.5), 1)), "
                    + "p99 \(fixed(place(0.99), 1)); parsed \(Int(Double(parsed) / seconds)) lines/s")
        }
    }

    /// Microseconds of each round.
    private static func rounds(_ http: HTTPClient, window: Int, seconds: Double) async throws -> [Double] {
        let stream = try await http.open(.post, "/v1/bench/rounds")
        let residuals = Bytes(bytes: [UInt8](repeating: 0, count: 4 * window))
        var took: [Double] = []
        var body = stream.body.makeAsyncIterator()
        let start = ContinuousClock.now
        var last = start
        while (last - start).seconds < seconds {
            try await stream.write(residuals)
            var missing = 8 * window
            while missing > 0 {
                guard let chunk = try await body.next() else { return took }
                missing -= chunk.readableBytes
            }
            let now = ContinuousClock.now
            took.append((now - last).seconds * 1e6)
            last = now
        }
        try await stream.finish()
        return took
    }
}

/// An owner's end: for a window's residuals, its margins.
private final class RoundOwner: BodyReceiver {
    private let residualByteCount: Int
    private let margins: Bytes
    private var receivedByteCount = 0

    init(window: Int) {
        residualByteCount = 4 * window
        margins = Bytes(bytes: [UInt8](repeating: 0, count: 8 * window))
    }

    func received(_ chunk: Bytes, on exchange: Exchange) {
        exchange.consumed(chunk.readableBytes)
        receivedByteCount += chunk.readableBytes
        while receivedByteCount >= residualByteCount {
            receivedByteCount -= residualByteCount
            exchange.write(margins)
        }
    }

    func ended(_ exchange: Exchange) { exchange.finish() }
    func cancelled() {}
}

/// Parses the same text again and again.
private final class ParsingThread: Sendable {
    private let thread: WorkThread
    private let state = Locked((isStopped: false, lineCount: 0))

    var lineCount: Int { state.withLockedValue { $0.lineCount } }

    init(niceness: Int32) {
        thread = WorkThread(niceness: niceness)
        thread.run { [state] in
            let lines = (0..<1000).map {
                "1 |a x\($0) y\($0 * 7) |b z\($0 * 13) 42 |c \(String($0, radix: 16)) w:0.5\n"
            }
            let text = Array(lines.joined().utf8)
            var parser = VWTextParser(ModelSpec(), purpose: .training)
            var batch = ExampleBatch()
            var errors = LineErrors()
            while !state.withLockedValue({ $0.isStopped }) {
                var window = ByteWindow(text)
                batch.removeAll()
                let parsed = parser.parse(&window, endsText: true, firstLine: 1, into: &batch, errors: &errors)
                state.withLockedValue { $0.lineCount += parsed.lineCount }
            }
        }
    }

    func stop() { state.withLockedValue { $0.isStopped = true } }
}
