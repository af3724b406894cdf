internal import ArgumentParser
internal import Domain
internal import Features

/// Text to batches, one core: what a format costs before anything is learned.
struct ParseBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parse", abstract: "Parse generated lines of a format into batches, one core.")

    @OptionGroup var format: FormatOption
    @Option(help: "Lines parsed again and again.") var lines = 20_000
    @Option(help: "How long.") var seconds = 1.0
    @Flag(help: "One line of JSON.") var json = false

    /// Bytes parsed at a time, as `learn` and an intake do.
    private static let chunkByteCount = 64 << 10

    func run() async throws {
        var random = SplitMix64(state: 11)
        var windows: [ByteWindow] = []
        var text = ""
        for line in 0..<lines {
            text += GeneratedLine(&random).text(format.format)
            if text.utf8.count >= Self.chunkByteCount || line == lines - 1 {
                windows.append(ByteWindow(text.utf8))
                text = ""
            }
        }
        var spec = ModelSpec()
        spec.columns = try Columns(numbers: (1...13).map { "I\($0)" }, categories: (1...26).map { "C\($0)" })
        var parser = ExampleParser(Plan(spec), format.format, purpose: .training)
        if parser.needsHeader {
            let names = ["label"] + (1...13).map { "I\($0)" } + (1...26).map { "C\($0)" }
            var header = ByteWindow((names.joined(separator: ",") + "\n").utf8)
            _ = try parser.readHeader(&header, endsText: true)
        }
        var batch = ExampleBatch()
        var errors = LineErrors()
        var (bytes, examples, features) = (0, 0, 0)
        let start = ContinuousClock.now
        while (ContinuousClock.now - start).seconds < seconds {
            for k in windows.indices {
                batch.removeAll()
                bytes +=
                    parser.parse(
                        &windows[k], endsText: true, firstLine: 1, into: &batch, errors: &errors
                    ).byteCount
                examples += batch.exampleCount
                features += batch.featureCount
            }
        }
        let elapsed = (ContinuousClock.now - start).seconds
        guard errors.count == 0 else { throw CommandFailure("a generated line is refused: \(errors.told[0])") }
        let (rate, lineRate) = (Double(bytes) / elapsed, Int(Double(examples) / elapsed))
        print(
            json
                ? "{\"format\":\"\(format.format.rawValue)\",\"bytes_per_second\":\(Int(rate)),"
                    + "\"examples_per_second\":\(lineRate),\"features\":\(features / max(examples, 1))}"
                : "\(format.format.rawValue): \(fixed(rate / 1e6, 0)) MB/s, \(lineRate) examples/s of "
                    + "\(features / max(examples, 1)) features")
    }
}

/// A line as Criteo's are: 13 numbers, small or large, a fifth of them missing, and 26 categories of 8 digits, a tenth missing.
private struct GeneratedLine {
    private let label: Bool
    private let numbers: [Int?]
    private let categories: [UInt32?]

    init(_ random: inout SplitMix64) {
        label = random.next() % 4 == 0
        numbers = (0..<13).map { _ in
            random.next() % 5 == 0 ? nil : Int(random.next() % (random.next() % 4 == 0 ? 20_000 : 40))
        }
        categories = (0..<26).map { _ in
            random.next() % 10 == 0 ? nil : UInt32(truncatingIfNeeded: random.next() % 100_000) &* 2_654_435_761
        }
    }

    func text(_ format: ExampleFormat) -> String {
        switch format {
        case .vw: "\(label ? 1 : -1)\(named { " |\($0) I\($1):\($2)" } categorised: { " |\($0) \(hex($2))" })\n"
        case .libsvm:
            "\(label ? 1 : -1)\(named { " \($1):\($2)" } categorised: { " \(13 + $2 % 1_000_000):1" })\n"
        case .libffm:
            "\(label ? 1 : 0)\(named { " \($1):\($1):\($2)" } categorised: { " \(13 + $1):\(13 + $2 % 1_000_000):1" })\n"
        case .criteo:
            ([label ? "1" : "0"] + numbers.map { $0.map { "\($0)" } ?? "" } + categories.map { $0.map(hex) ?? "" })
                .joined(separator: "\t") + "\n"
        case .csv:
            ([label ? "1" : "0"] + numbers.map { $0.map { "\($0)" } ?? "" } + categories.map { $0.map(hex) ?? "" })
                .joined(separator: ",") + "\n"
        case .ndjson:
            "{\"label\":\(label ? 1 : 0),\"features\":{\"n\":{"
                + named {
                    "\"I\($1)\":\($2),"
                } categorised: { _, _, _ in
                    ""
                }.dropLast() + "},\"c\":{"
                + named { _, _, _ in
                    ""
                } categorised: {
                    "\"\($0)\":\"\(hex($2))\","
                }.dropLast() + "}}}\n"
        }
    }

    /// What is not missing, with the letter of its namespace and its number from 1 on.
    private func named(
        _ number: (Character, Int, Int) -> String, categorised category: (Character, Int, UInt32) -> String
    ) -> String {
        var text = ""
        for (k, value) in numbers.enumerated() {
            if let value { text += number(Character(Unicode.Scalar(UInt8(ascii: "A") + UInt8(k))), k + 1, value) }
        }
        for (k, value) in categories.enumerated() {
            if let value { text += category(Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(k))), k + 1, value) }
        }
        return text
    }

    private func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
