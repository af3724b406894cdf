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
        commandName: "candidates", abstract: "Score candidates of one context, indices in memory, one core.")

    @Option(name: [.short, .long], help: "Index space of 2^bits.") var bits = 22
    @Option(help: "Candidates.") var candidates = 100
    @Option(help: "Features of the context.") var context = 20
    @Option(help: "Features of a candidate.") var features = 5
    @Option(help: "How long, for each of both.") var seconds = 2.0
    @Flag(help: "One line of JSON.") var json = false

    func run() throws {
        let table = WeightTable(indexCount: 1 << bits)
        var random = SplitMix64(state: 7)
        fill(table, &random)
        // Many requests, so that weights are not warm from the one before.
        var requests: [(front: ExampleBatch, back: ExampleBatch, whole: ExampleBatch)] = []
        for _ in 0..<64 {
            func indices(_ count: Int) -> [UInt32] {
                (0..<count).map { _ in UInt32(truncatingIfNeeded: random.next()) & UInt32(1 << bits - 1) }
            }
            var request = (front: ExampleBatch(), back: ExampleBatch(), whole: ExampleBatch())
            let shared = indices(context)
            request.front.append(indices: shared, values: [])
            for _ in 0..<candidates {
                let own = indices(features)
                request.back.append(indices: own, values: [])
                request.whole.append(indices: shared + own, values: [])
            }
            requests.append(request)
        }
        var (flat, shared, front): ([Double], [Double], [Double]) = ([], [], [])
        for request in requests {
            table.score(request.whole, into: &flat)
            table.score(request.back, into: &shared)
            table.score(request.front, into: &front)
            addContext(front[0], to: &shared, count: candidates)
            guard flat.prefix(candidates) == shared.prefix(candidates) else {
                throw CommandFailure("the margins differ")
            }
        }
        // In turns, so that both meet the same moments of the machine.
        var rates = (flat: [Double](), shared: [Double]())
        for _ in 0..<10 {
            var (count, spent) = repeated(seconds / 10) {
                for request in requests { table.score(request.whole, into: &flat) }
            }
            rates.flat.append(Double(count * requests.count * candidates) / spent)
            (count, spent) = repeated(seconds / 10) {
                for request in requests {
                    table.score(request.back, into: &shared)
                    table.score(request.front, into: &front)
                    addContext(front[0], to: &shared, count: candidates)
                }
            }
            rates.shared.append(Double(count * requests.count * candidates) / spent)
        }
        let (a, b) = (median(rates.flat), median(rates.shared))
        print(
            json
                ? "{\"flat\":\(Int(a)),\"shared\":\(Int(b)),\"ratio\":\(fixed(b / a, 3))}"
                : "\(Int(a)) flat, \(Int(b)) with a context: \(fixed(b / a, 2)) times")
    }
}

/// Several models of one plan against one of them, from text.
struct CollocatedBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collocated", abstract: "Score lines with several models of one plan, one core.")

    @Option(name: [.short, .long], help: "Index space of 2^bits.") var bits = 22
    @Option(help: "Models.") var models = 4
    @Option(help: "Lines of a request.") var lines = 100
    @Option(help: "Features of a line.") var features = 25
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
        let requests = (0..<64).map { _ in
            ByteWindow(
                (0..<lines).map { _ in
                    let names = (0..<features - 1).map { k in
                        "|\(Character(UnicodeScalar(UInt8(97 + k % 26)))) \(String(random.next() % 1_000_000, radix: 36))x"
                    }
                    return names.joined(separator: " ") + "\n"
                }.joined().utf8)
        }
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

/// Runs `body` for that long; how often, and how long it was.
private func repeated(_ seconds: Double, _ body: () -> Void) -> (count: Int, seconds: Double) {
    let start = ContinuousClock.now
    var count = 0
    repeat {
        body()
        count += 1
    } while (ContinuousClock.now - start).seconds < seconds
    return (count, (ContinuousClock.now - start).seconds)
}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
