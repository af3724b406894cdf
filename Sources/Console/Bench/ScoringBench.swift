internal import ArgumentParser
internal import Domain
internal import Features
internal import Scoring

/// What a number's bin costs.
struct BinsBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bins", abstract: "Look up the bins of random numbers, one core.")

    @Option(help: "Edges.") var edges = 32
    @Option(help: "How long.") var seconds = 1.0
    @Flag(help: "One line of JSON.") var json = false

    func run() throws {
        var random = SplitMix64(state: 7)
        let count = edges
        let edges = (0..<count).map { Float($0) / Float(count) }
        let numbers = (0..<4096).map { _ in Float(random.unit() * 1.2 - 0.1) }
        var bins = [Int](repeating: 0, count: numbers.count)
        let (turns, spent) = repeated(seconds) { binNumbers(numbers, edges: edges, into: &bins) }
        let nanoseconds = spent * 1e9 / Double(turns * numbers.count)
        let check = bins.reduce(0, +)
        print(
            json
                ? "{\"nanoseconds\":\(fixed(nanoseconds, 3)),\"check\":\(check)}"
                : "\(fixed(nanoseconds, 2)) ns a number")
    }
}

/// Candidates of one context against the same examples written out.
struct CandidatesBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "candidates", abstract: "Score candidates of one context, indices in memory, one core.",
        discussion: "The context is the front of a line of the file, its candidates the ends of the lines behind it.")

    @Option(name: [.short, .long], help: "Index space of 2^bits.") var bits = 22
    @Argument(help: "Vowpal Wabbit text.") var file: String
    @Option(help: "Candidates.") var candidates = 100
    @Option(help: "Features of the context.") var context = 20
    @Option(help: "Features of a candidate.") var features = 5
    @Option(help: "How long, for each of both.") var seconds = 2.0
    @Flag(help: "One line of JSON.") var json = false

    func run() throws {
        let table = WeightTable(indexCount: 1 << bits)
        var random = SplitMix64(state: 7)
        fill(table, &random)
        let requests = try readRequests()
        var (flat, shared): ([Double], [Double]) = ([], [])
        for request in requests {
            try request.scoreFlat(table, into: &flat)
            try request.scoreShared(table, into: &shared)
            guard flat.prefix(candidates) == shared.prefix(candidates) else {
                throw CommandFailure("the margins differ")
            }
        }
        // In turns, so that both meet the same moments of the machine.
        var rates = (flat: [Double](), shared: [Double]())
        for _ in 0..<10 {
            var (count, spent) = try repeated(seconds / 10) { () throws(TensorError) in
                for request in requests { try request.scoreFlat(table, into: &flat) }
            }
            rates.flat.append(Double(count * requests.count * candidates) / spent)
            (count, spent) = try repeated(seconds / 10) { () throws(TensorError) in
                for request in requests { try request.scoreShared(table, into: &shared) }
            }
            rates.shared.append(Double(count * requests.count * candidates) / spent)
        }
        let (a, b) = (median(rates.flat), median(rates.shared))
        print(
            json
                ? "{\"flat\":\(Int(a)),\"shared\":\(Int(b)),\"ratio\":\(fixed(b / a, 3))}"
                : "\(Int(a)) flat, \(Int(b)) with a context: \(fixed(b / a, 2)) times")
    }

    private func readRequests() throws -> [CandidatesRequest] {
        var spec = ModelSpec()
        spec.bits = bits
        var parser = VWTextParser(spec, purpose: .scoring)
        return try requestsOfLines(file, lineCount: candidates + 1).map { lines in
            var (lines, parsed, errors) = (lines, ExampleBatch(), LineErrors())
            _ = parser.parse(&lines, endsText: true, firstLine: 1, into: &parsed, errors: &errors)
            func indices(_ e: Int, _ count: Int, fromEnd: Bool) throws -> [UInt32] {
                let all = parsed.features(of: e).map(\.index)
                guard all.count >= count else { throw CommandFailure("\(file) has a line of \(all.count) features") }
                return Array(fromEnd ? all.suffix(count) : all.prefix(count))
            }
            let shared = try indices(0, context, fromEnd: false)
            let own = try (1...candidates).map { try indices($0, features, fromEnd: true) }
            return CandidatesRequest(context: shared, candidates: own)
        }
    }
}

/// Candidates as a client sends them, behind their context and written out; every value is 1.
private final class CandidatesRequest {
    private let context: [UInt32]
    private let candidates, flat: (offsets: [UInt32], indices: [UInt32])

    init(context: [UInt32], candidates: [[UInt32]]) {
        func tensors(_ examples: [[UInt32]]) -> (offsets: [UInt32], indices: [UInt32]) {
            (examples.reduce(into: [0]) { $0.append($0.last! + UInt32($1.count)) }, examples.flatMap { $0 })
        }
        self.context = context
        self.candidates = tensors(candidates)
        flat = tensors(candidates.map { context + $0 })
    }

    func scoreFlat(_ table: WeightTable, into margins: inout [Double]) throws(TensorError) {
        try table.score(
            offsets: flat.offsets, indices: flat.indices, values: [], featuresMax: Limits.Features.perExampleMax,
            into: &margins)
    }

    func scoreShared(_ table: WeightTable, into margins: inout [Double]) throws(TensorError) {
        try table.score(
            offsets: candidates.offsets, indices: candidates.indices, values: [], of: (context, []),
            featuresMax: Limits.Features.perExampleMax, into: &margins)
    }
}

/// Several models of one plan against one of them, from text.
struct CollocatedBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collocated", abstract: "Score lines with several models of one plan, one core.")

    @Option(name: [.short, .long], help: "Index space of 2^bits.") var bits = 22
    @Argument(help: "Vowpal Wabbit text.") var file: String
    @Option(help: "Models.") var models = 4
    @Option(help: "Lines of a request.") var lines = 100
    @Option(help: "How long, for each of both.") var seconds = 2.0
    @Flag(help: "One line of JSON.") var json = false

    func run() throws {
        var spec = ModelSpec()
        spec.bits = bits
        var random = SplitMix64(state: 7)
        let tables = (0..<models).map { _ in
            let table = WeightTable(indexCount: 1 << bits)
            fill(table, &random)
            return table
        }
        let requests = try requestsOfLines(file, lineCount: lines)
        var scorer = PlanScorer(Plan(spec))
        var margins: [Double] = []
        var sum = 0.0
        func rate(_ modelCount: Int) throws -> Double {
            var failure: PlanScorer.Problem?
            let (count, spent) = repeated(seconds / 10) {
                for request in requests {
                    var (text, none) = (request, ByteWindow())
                    do throws(PlanScorer.Problem) { try scorer.read(&text, count: lines, context: &none) } catch {
                        failure = error
                    }
                    for k in 0..<modelCount {
                        scorer.score(tables[k], into: &margins)
                        sum += margins[0]
                    }
                }
            }
            if let failure { throw failure }
            return Double(count * requests.count * lines) / spent
        }
        var (one, all): ([Double], [Double]) = ([], [])
        for _ in 0..<10 {
            one.append(try rate(1))
            all.append(try rate(models))
        }
        let (a, b) = (median(one), median(all))
        print(
            json
                ? "{\"one\":\(Int(a)),\"all\":\(Int(b)),\"ratio\":\(fixed(a / b, 3)),\"check\":\(sum)}"
                : "\(Int(a)) lines/s with one model, \(Int(b)) with \(models): \(fixed(a / b, 2)) times the time")
    }
}

/// The file's first lines, so many a request.
private func requestsOfLines(_ file: String, lineCount: Int) throws -> [ByteWindow] {
    let descriptor = try openForReading(file)
    defer { try? descriptor.close() }  // read only: nothing is lost
    var text = ByteWindow()
    while text.byteCount < 32 << 20, try text.read(1 << 20, fromFile: descriptor.rawValue, named: file) > 0 {}
    var requests: [ByteWindow] = []
    var search = LineSearch(lineCount: lineCount)
    while requests.count < 200, let end = search.end(in: text) {
        requests.append(ByteWindow(text.bytes[..<end]))
        text.removeFirst(end)
    }
    guard !requests.isEmpty else { throw CommandFailure("\(file) has fewer than \(lineCount) lines") }
    return requests
}

/// Runs `body` for that long; how often, and how long it was.
private func repeated<Failure>(_ seconds: Double, _ body: () throws(Failure) -> Void) throws(Failure) -> (
    count: Int, seconds: Double
) {
    let start = ContinuousClock.now
    var count = 0
    repeat {
        try body()
        count += 1
    } while (ContinuousClock.now - start).seconds < seconds
    return (count, (ContinuousClock.now - start).seconds)
}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
