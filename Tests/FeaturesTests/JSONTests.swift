import Configuration
import Domain
import Features
import Testing

/// One example, to be written as NDJSON and as Vowpal Wabbit text.
private struct Example {
    enum Value {
        case number(String)
        case text(String)
        case isTrue
        case absent(String)
    }

    var label: String
    var importance: String?
    var namespaces: [(name: String, pairs: [(name: String, value: Value)], isList: Bool)] = []

    init(_ random: inout Random) {
        label = random.pick(["1", "-1", "0", "1.0", "2"])
        if random.oneIn(3) { importance = random.pick(["2", "0.5", "0", "1e9", "65536"]) }
        for _ in 0..<random.below(4) {
            let isList = random.oneIn(3)
            let pairs = (0..<random.below(7)).map { _ in (name(&random), Self.value(&random, isList: isList)) }
            namespaces.append((random.pick(["n", "m", "k2", "", "naïve", "n"]), pairs, isList))
        }

        func name(_ random: inout Random) -> String {
            random.pick(["x", "y", "7", "12345678901", "a/b", "café", "{}[],", "long_name_of_a_feature", "", "😀"])
        }
    }

    private static func value(_ random: inout Random, isList: Bool) -> Value {
        switch random.below(5) {
        case 0: .text(random.pick(["red", "blue", "x", "1.2.3", "é", "a_long_text_value"]))
        case 1 where !isList: .isTrue
        case 2: .absent(random.pick(["null", "false"]))
        default:
            .number(
                random.pick(["0", "1", "-1", "2.5", "17", "31", "0.001", "1e3", "-2.5E-2", "123456789.125", "5e9"]))
        }
    }

    var vwText: String {
        var text = label + (importance.map { " \($0)" } ?? "")
        for space in namespaces {
            text += " |\(space.name)"
            for (name, value) in space.pairs {
                switch value {
                case .number(let number): text += " \(space.isList ? "" : name):\(number)"
                case .text(let value): text += space.isList ? " \(value)" : " \(name):\(value)"
                case .isTrue: text += " \(name)"
                // In a list of numbers, it has its place.
                case .absent: if space.isList { text += " :0" }
                }
            }
        }
        return text
    }

    func json(_ random: inout Random) -> String {
        let space = random.oneIn(2) ? "" : random.pick([" ", "\t", "  \r"])
        var parts = ["\"label\":\(label)"]
        if let importance { parts.append("\"importance\":\(importance)") }
        if random.oneIn(3) { parts.append("\"tag\":\(random.pick(["\"a:b|c\"", "7", "null"]))") }
        let spaces = namespaces.map { space in
            let pairs = space.pairs.map { pair in
                let value =
                    switch pair.value {
                    case .number(let number): number
                    case .text(let text): quoted(text, &random)
                    case .isTrue: "true"
                    case .absent(let word): word
                    }
                return space.isList ? value : "\(quoted(pair.name, &random))\(whitespace(space.name, &random)):\(value)"
            }
            let body = pairs.joined(separator: ",\(space.isList ? " " : "")")
            return "\(quoted(space.name, &random)):\(space.isList ? "[\(body)]" : "{\(body)}")"
        }
        parts.insert("\"features\":{\(spaces.joined(separator: ","))}", at: random.below(parts.count + 1))
        return "{\(space)\(parts.joined(separator: ",\(space)"))\(space)}\(space)"
    }

    private func whitespace(_ name: String, _ random: inout Random) -> String { random.oneIn(6) ? " \t" : "" }

    /// A string with some of its characters escaped, though they need not be.
    private func quoted(_ text: String, _ random: inout Random) -> String {
        var written = "\""
        for character in text {
            guard random.oneIn(5) else {
                written.append(character)
                continue
            }
            if character == "/" {
                written += "\\/"
                continue
            }
            for unit in String(character).utf16 {
                let digits = String(unit, radix: 16, uppercase: random.oneIn(2))
                written += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return written + "\""
    }
}

@Suite("NDJSON is Vowpal Wabbit text in other words")
struct JSONTests {
    @Test("the same examples, whatever the plan adds, however the bytes come")
    func equality() throws {
        let plans = try specs(number: "n^x", other: "n^y", crosses: ["nm", "::", "nn", "k:"])
        for (seed, spec) in plans.enumerated() {
            for round in 0..<4 {
                var random = Random(UInt64(seed * 100 + round))
                let examples = (0..<50).map { _ in Example(&random) }
                let text = examples.map { $0.json(&random) }.joined(separator: "\n").utf8
                let wanted = parse(examples.map(\.vwText).joined(separator: "\n").utf8, .vw, spec)
                let found = parse(text, .ndjson, spec).difference(from: wanted)
                #expect(found == nil, "plan \(seed), round \(round)")
                let inPieces = parse(text, .ndjson, spec, piecesFrom: UInt64(round + 1)).difference(from: wanted)
                #expect(inPieces == nil, "plan \(seed), round \(round), in pieces")
            }
        }
    }

    @Test("names that Vowpal Wabbit's text cannot carry are hashed by their bytes")
    func bytes() throws {
        var spec = try ModelSpec(yaml: "bits: 30\nconstant: false\nhash: all")
        let found = parse(
            #"{"label":1,"features":{"a b":{"x:y|z":2,"q\"\\\n\u0000":true},"é":["\uD83D\uDE00"]}}"#.utf8, .ndjson, spec
        )
        let wanted = [
            "\(referenceMurmur("x:y|z", in: "a b") & 0x3fff_ffff):\(Float(2).bitPattern)",
            "\(referenceMurmur("q\"\\\n\0", in: "a b") & 0x3fff_ffff):\(Float(1).bitPattern)",
            "\(referenceMurmur("😀", in: "é") & 0x3fff_ffff):\(Float(1).bitPattern)",
        ]
        #expect(found.errors == [])
        #expect(found.features == [wanted])
        // A number in quotes is text; under `strings` its digits are its hash.
        spec.hashing.mode = .strings
        let digits = parse(#"{"label":1,"features":{"n":{"x":"5"}}}"#.utf8, .ndjson, spec)
        #expect(digits.features == [["\((referenceMurmur("x", in: "n") &+ 5) & 0x3fff_ffff):\(Float(1).bitPattern)"]])
    }

    @Test("to score, label and importance are ignored, and may be missing")
    func scoring() {
        for rest in ["", #","label":"no","importance":-1"#, #","label":null"#] {
            let found = parse(#"{"features":{"n":{"x":2}}\#(rest)}"#.utf8, .ndjson, purpose: .scoring)
            #expect(found.difference(from: parse("|n x:2".utf8, .vw, purpose: .scoring)) == nil)
        }
    }

    @Test(
        "every kind of bad line names its column and reason",
        arguments: [
            (#"[]"#, 1, .jsonObject), (#"1"#, 1, .jsonObject), (#"{"#, 2, .jsonKey), (#"{}"#, 1, .labelMissing),
            (#"{"features":{}}"#, 1, .labelMissing), (#"{"label":null}"#, 1, .labelMissing),
            (#"{"label":2}"#, 10, .wrongLabel), (#"{"label":"1"}"#, 10, .jsonScalar),
            (#"{"label":01}"#, 10, .jsonScalar), (#"{"label":+1}"#, 10, .jsonScalar),
            (#"{"label":1.}"#, 10, .jsonScalar), (#"{"label":1e}"#, 10, .jsonScalar),
            (#"{"label":-}"#, 10, .jsonScalar),
            (#"{"label":1,"importance":0}"#, 25, .wrongImportance), (#"{"label":1,"label":1}"#, 13, .jsonKeyTwice),
            (#"{"label":1,}"#, 12, .jsonKey), (#"{"label":1 "id":2}"#, 12, .jsonComma),
            (#"{"label" 1}"#, 10, .jsonColon), (#"{label:1}"#, 2, .jsonKey), (#"{"label":1} x"#, 13, .jsonBehind),
            (#"{"label":1}}"#, 12, .jsonBehind), (#"{"lable":1}"#, 3, .jsonUnknownKey),
            (#"{"label":1,"features":[]}"#, 23, .jsonFeatures), (#"{"label":1,"features":null}"#, 23, .jsonFeatures),
            (#"{"label":1,"features":{"n":1}}"#, 28, .jsonNamespace),
            (#"{"label":1,"features":{"n":{"x":{}}}}"#, 33, .jsonScalar),
            (#"{"label":1,"features":{"n":{"x":[1]}}}"#, 33, .jsonScalar),
            (#"{"label":1,"features":{"n":[[1]]}}"#, 29, .jsonScalar),
            (#"{"label":1,"features":{"n":[true]}}"#, 29, .jsonListTrue),
            (#"{"label":1,"features":{"n":[1,]}}"#, 31, .jsonScalar),
            (#"{"label":1,"features":{"n":[1 2]}}"#, 31, .jsonComma),
            (#"{"label":1,"features":{"n":{"x":nan}}}"#, 33, .jsonScalar),
            (#"{"label":1,"features":{"n":{"x":1e999}}}"#, 33, .valueInfinite),
            (#"{"label":1,"features":{"n":{"x":1e30}}}"#, 33, .valueTooLarge),
            (#"{"label":1,"features":{"n":{"x":"red}}}"#, 33, .jsonOpenString),
            (#"{"label":1,"features":{"n":{"x":"red\"}}}"#, 33, .jsonOpenString),
            (#"{"label":1,"features":{"n":{"x":"red\"#, 33, .jsonOpenString),
            (#"{"label":1,"features":{"n":{"\x":1}}}"#, 30, .jsonEscape),
            (#"{"label":1,"features":{"n":{"a\uD800":1}}}"#, 31, .jsonEscape),
            (#"{"label":1,"features":{"n":{"a\uDC00":1}}}"#, 31, .jsonEscape),
            (#"{"label":1,"features":{"n":{"a\u12G4":1}}}"#, 31, .jsonEscape),
            (#"{"label":1,"features":{"n":{"x":"\u12"}}}"#, 34, .jsonEscape),
            (#"{"label":1,"tag":{}}"#, 18, .jsonScalar), (#"{"label":1\"#, 11, .jsonComma),
            ("{\"label\":1,\"features\":{\"n\":{\"a\u{0}b\":1}}}", 31, .jsonControl), ("{\u{0}", 2, .jsonKey),
            ("\u{0}", 1, .jsonObject), (#"{"label":1,"features":{"n":{"x":tru"#, 33, .jsonScalar),
        ] as [(String, Int, LineError.Reason)])
    func badLines(line: String, column: Int, reason: LineError.Reason) {
        let good = #"{"label":1,"features":{"n":{"x":1}}}"#
        let parsed = parse("\(good)\n\(line)\n\n\(good)".utf8, .ndjson)
        #expect(parsed.errors == [LineError(line: 2, column: column, reason: reason)])
        #expect(parsed.labels == [1, 1])
    }

    @Test("a line with too many features, or bytes, or levels is refused alone")
    func hostile() {
        let good = #"{"label":1,"features":{"n":{"x":1}}}"#
        let names = (0..<5000).map { "\"f\($0)\":1" }.joined(separator: ",")
        let lines = [
            #"{"label":1,"features":{"n":{\#(names)}}}"#,
            #"{"label":1,"features":{"n":[\#(String(repeating: "1,", count: 100_000))1]}}"#,
            #"{"label":1,"features":{"n":["\#(String(repeating: "x", count: 300_000))"]}}"#,
            String(repeating: "{\"features\":", count: 20_000), String(repeating: "[", count: 200_000),
            #"{"label":1,"features":{"n":"# + String(repeating: "[", count: 200_000),
            String(repeating: "\"", count: 10_001), String(repeating: "\\", count: 10_001),
        ]
        let parsed = parse("\(good)\n\(lines.joined(separator: "\n"))\n\(good)".utf8, .ndjson)
        #expect(parsed.errors.map(\.line) == Array(2...9))
        #expect(
            parsed.errors.map(\.reason) == [
                .tooManyFeatures, .tooManyFeatures, .tooLong, .jsonScalar, .jsonObject, .jsonScalar, .jsonObject,
                .jsonObject,
            ])
        #expect(parsed.labels == [1, 1])
    }

    @Test("any bytes give lines or errors, and the lines behind them stay", arguments: 0..<8)
    func noise(seed: UInt64) {
        var random = Random(seed + 1)
        let alphabet = Array(#"{}[]:,"\u0nltrue1.eE- "#.utf8) + [0, 0x09, 0x0D, 0xFF]
        let good = #"{"label":1,"features":{"n":{"x":1}}}"#
        var text: [UInt8] = []
        for _ in 0..<300 {
            var line = Array(good.utf8)
            for _ in 0..<1 + random.below(6) { line[random.below(line.count)] = random.pick(alphabet) }
            text += line + Array("\n\(good)\n".utf8)
        }
        let parsed = parse(text, .ndjson)
        #expect(parsed.labels.count + parsed.errorCount == 600, "seed \(seed)")
        #expect(parsed.labels.count >= 300, "seed \(seed)")
        #expect(parse(text, .ndjson, piecesFrom: seed) == parsed)
    }
}
