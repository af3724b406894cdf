import Configuration
import Domain
import Features

/// A batch and its errors, to the bit.
struct Parsed: Equatable {
    var labels: [Float] = []
    var importances: [Float] = []
    var features: [[String]] = []
    var errors: [LineError] = []
    var errorCount = 0

    /// What another text says otherwise: the first of it; nil if both have the same examples and refuse the same lines. Where and
    /// why a line is refused may differ.
    func difference(from other: Parsed) -> String? {
        if errors.map(\.line) != other.errors.map(\.line) { return "errors \(errors), not \(other.errors)" }
        if labels.count != other.labels.count { return "\(labels.count) examples, not \(other.labels.count)" }
        for e in labels.indices {
            if labels[e] != other.labels[e] || importances[e] != other.importances[e]
                || features[e] != other.features[e]
            {
                return "example \(e): \(features[e]), not \(other.features[e])"
            }
        }
        return nil
    }
}

/// Parses text as it comes in pieces, whose sizes the seed decides.
func parse(
    _ text: some Collection<UInt8>, _ format: ExampleFormat, _ spec: ModelSpec = ModelSpec(),
    purpose: ExampleParser.Purpose = .training, piecesFrom seed: UInt64? = nil
) -> Parsed {
    do { return try parse(text, format, spec, purpose: purpose, piecesFrom: seed, readsHeader: false) } catch {
        preconditionFailure("no header is read")
    }
}

/// The same, of a text that may begin with a header; lines are counted from the one behind it.
func parse(
    _ text: some Collection<UInt8>, _ format: ExampleFormat, _ spec: ModelSpec, purpose: ExampleParser.Purpose,
    piecesFrom seed: UInt64?, readsHeader: Bool
) throws -> Parsed {
    let text = Array(text)
    var parser = ExampleParser(Plan(spec), format, purpose: purpose)
    var (window, batch, errors) = (ByteWindow(), ExampleBatch(), LineErrors())
    var random = Random(seed ?? 0)
    var (at, line) = (0, 1)
    while true {
        let end = seed == nil ? text.count : min(text.count, at + Int(random.next() % 200))
        window.append(text[at..<end])
        at = end
        if parser.needsHeader {
            guard let header = try parser.readHeader(&window, endsText: at == text.count) else { continue }
            window.removeFirst(header)
        }
        let (bytes, lines) = parser.parse(
            &window, lineCountMax: seed == nil ? .max : Int(random.next() % 4), endsText: at == text.count,
            firstLine: line, into: &batch, errors: &errors)
        window.removeFirst(bytes)
        line += lines
        if at == text.count && window.byteCount == 0 { break }
    }
    return Parsed(
        labels: Array(batch.labels[..<batch.exampleCount]),
        importances: Array(batch.importances[..<batch.exampleCount]),
        features: (0..<batch.exampleCount).map { e in
            batch.features(of: e).map { "\($0.index):\($0.value.bitPattern)" }
        },
        errors: errors.told, errorCount: errors.count)
}

/// xorshift64*: the same numbers from the same seed.
struct Random {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state >> 11
    }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }
    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

    /// A number as people and programs write it; some that no example may have.
    mutating func number() -> String {
        switch below(14) {
        case 0...4: "\(below(10))"
        case 5...7: "\(below(100_000))"
        case 8: "-\(below(50)).\(below(1000))"
        case 9: "\(below(9)).\(next())"
        case 10: "\(below(9))e\(below(12) - 6)"
        case 11: pick(["0", "-0", "0.0", "1", "+3"])
        case 12: "\(next()).5"
        default: oneIn(4) ? pick(["nan", "inf", "-inf", "1e300", "5e9"]) : "2.5"
        }
    }
}

/// Specs with everything that a line can get beside what it names, each for features that a format's lines have.
///
/// - Parameters:
///   - number: a feature with numbers, as `namespace^name`; other: another.
///   - crosses: of namespaces that the lines have.
func specs(number: String, other: String, crosses: [String]) throws -> [ModelSpec] {
    let transforms = """
        transforms: {bins: {"\(number)": [0.5, 2, 30], "\(other)": [1]},
        trees: [{namespace: "A", inputs: ["\(number)"], trees: ["0<0x1.8p+0,l =0 0<0x1.4p+3,r =1 =2"]}]}
        """
    let crossed = "crosses: [\(crosses.map { "\"\($0)\"" }.joined(separator: ", "))]"
    return try [
        "bits: 18", "bits: 30\nhash: all", "bits: 22\nhash: all\nhash_seed: 17\nconstant: false",
        "bits: 24\nhash_seed: 3", "bits: 20\n\(crossed)", "bits: 21\n\(transforms)",
        "bits: 22\nhash: all\nhash_seed: 9\nconstant: false\n\(crossed)\n\(transforms)",
    ].map { try ModelSpec(yaml: $0) }
}
