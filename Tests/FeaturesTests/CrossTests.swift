import Configuration
import Domain
import Features
import Testing

@Suite("Crosses are products of an example's own features")
struct CrossTests {
    private func parse(_ text: String, _ crosses: [String], bits: Int = 18, piece: Int = .max) -> (
        batch: ExampleBatch, errors: LineErrors
    ) {
        var spec = ModelSpec()
        spec.bits = bits
        spec.crosses = crosses.map { Cross($0)! }
        var parser = VWTextParser(spec, purpose: .training)
        var window = ByteWindow(text.utf8)
        var (batch, errors) = (ExampleBatch(), LineErrors())
        var line = 1
        while true {
            let (bytes, lines) = parser.parse(
                &window, lineCountMax: piece, endsText: true, firstLine: line, into: &batch, errors: &errors)
            guard lines > 0 else { return (batch, errors) }
            window.removeFirst(bytes)
            line += lines
        }
    }

    private func texts(_ batch: ExampleBatch, _ e: Int) -> [String] {
        batch.features(of: e).map { "\($0.index):\($0.value)" }
    }

    /// The page's rule, term by term: `choices` are the features of each place of the term.
    private func reference(_ choices: [[(index: UInt32, value: Float)]], mask: UInt32) -> [String] {
        var made: [(UInt32, Float)] = [(0, 1)]
        for (depth, features) in choices.enumerated() {
            made = made.flatMap { hash, product in
                features.map { ((depth == 0 ? 0 : hash &* 16_777_619) ^ $0.index, product * $0.value) }
            }
        }
        return made.map { "\($0.0 & mask):\($0.1)" }
    }

    @Test("a pair, a triple and seven namespaces in a row, in the order of the term")
    func terms() {
        let line = "1 |a x y:2 |b u v:0.5 w |c z:3\n"
        let plain = parse(line, []).batch.features(of: 0)
        let (a, b, c) = (Array(plain[0..<2]), Array(plain[2..<5]), Array(plain[5..<6]))
        let mask: UInt32 = (1 << 18) - 1
        for (term, choices) in [
            ("ab", [a, b]), ("ba", [b, a]), ("cab", [c, a, b]), ("acb", [a, c, b]),
        ] {
            #expect(texts(parse(line, [term]).batch, 0).dropFirst(plain.count) == reference(choices, mask: mask)[...])
        }
    }

    @Test("a namespace with itself makes no choice twice, wherever the term has it")
    func itself() {
        let line = "1 |a x y z |b u v\n"
        let plain = parse(line, []).batch.featureCount
        #expect(parse(line, ["aa"]).batch.featureCount == plain + 6)
        #expect(parse(line, ["aaa"]).batch.featureCount == plain + 10)
        #expect(parse(line, ["aba"]).batch.featureCount == plain + 12)
        #expect(texts(parse(line, ["aba"]).batch, 0) == texts(parse(line, ["aab"]).batch, 0))
        // The second of two terms with the same namespaces does not count.
        #expect(texts(parse(line, ["ab", "ba"]).batch, 0) == texts(parse(line, ["ab"]).batch, 0))
    }

    @Test("a colon is any namespace of the example; one that is missing makes nothing; parts of one name are one")
    func wildcards() {
        let line = "1 |a x |b u v | n\n"
        let plain = parse(line, []).batch.featureCount
        #expect(parse(line, ["a:"]).batch.featureCount == plain + 1 + 2 + 1)
        #expect(parse(line, ["::"]).batch.featureCount == plain + 1 + 2 + 1 + 3 + 2 + 1)
        #expect(parse(line, ["aq"]).batch.featureCount == plain)
        let (split, whole) = ("1 |ab x |c u |abc y\n", "1 |ab x |abc y |c u\n")
        #expect(
            Set(texts(parse(split, ["ac"]).batch, 0)) == Set(texts(parse(whole, ["ac"]).batch, 0)))
    }

    @Test("examples keep their own features in front, however the text is cut")
    func pieces() {
        var text = ""
        for k in 0..<50 {
            text += "1 |a x\(k) y\(k % 7):\(Float(k + 1) / 8) |b u\(k % 3)" + (k % 4 == 0 ? "\n" : " v |c z\(k)\n")
        }
        let whole = parse(text, ["ab", "abc", "::"]).batch
        let plain = parse(text, []).batch
        for piece in [1, 3, 49] {
            let cut = parse(text, ["ab", "abc", "::"], piece: piece).batch
            #expect((0..<50).allSatisfy { texts(cut, $0) == texts(whole, $0) })
        }
        for e in 0..<50 { #expect(Array(texts(whole, e).prefix(plain.features(of: e).count)) == texts(plain, e)) }
    }

    @Test("a cross that explodes, or grows beyond numbers, refuses its line and no other")
    func refused() {
        let many = (0..<100).map { "f\($0)" }.joined(separator: " ")
        let (batch, errors) = parse("1 |a x |b y\n1 |a \(many) |b \(many)\n1 |a x:1e9 |b y:1e9\n1 |a z |b y\n", ["ab"])
        #expect(batch.exampleCount == 2 && batch.features(of: 1).count == 4)
        #expect(errors.told.map(\.reason) == [.tooManyCrosses, .crossTooLarge])
        #expect(errors.told.map(\.line) == [2, 3])
        // Of twenty namespaces eight at a time are more than anybody waits for.
        let wide =
            "1 " + (0..<20).map { "|\(Character(UnicodeScalar(UInt8(97 + $0)))) x" }.joined(separator: " ") + "\n"
        #expect(parse(wide, ["::::::::"]).errors.told.map(\.reason) == [.tooManyCrosses])
        #expect(parse(wide, ["::"]).batch.featureCount == 21 + 210)
        // Eight at a time are counted, not made.
        #expect(parse("1 |a \(many)\n", ["aaaaaaaa"]).errors.told.map(\.reason) == [.tooManyCrosses])
    }

    @Test("names are found whatever the bytes of a line are")
    func names() throws {
        var spec = ModelSpec()
        spec.bits = 12
        spec.crosses = [Cross("ab")!, Cross("::")!]
        var names = FeatureNames(spec)
        var state: UInt64 = 5
        func next(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let pieces = [
            "|", "a", "b", " ", " ", ":", "0", "1.5", "x", "\u{301}", "\u{1F469}\u{200D}", "\t", "\r", "\u{B}", "é",
            "'",
        ]
        for _ in 0..<300 {
            let line = (0..<next(25)).map { _ in pieces[next(pieces.count)] }
                .joined()
            // A refused line has a reason; any other has a name for each feature, or the call traps.
            _ = try? names.features(of: line)
        }
        let told = try names.features(of: "|a\u{301} x |b y:2")
        #expect(told.map(\.name).prefix(3) == ["a\u{301}^x", "b^y", "Constant"])
    }

    @Test("a spec names its crosses, and has another fingerprint")
    func spec() throws {
        let spec = try ModelSpec(yaml: "bits: 12\ncrosses: [ua, \"::\", 'a\"b']\n")
        #expect(spec.crosses.map(\.text) == ["ua", "::", "a\"b"])
        #expect(try ModelSpec(yaml: spec.yaml) == spec)
        #expect(spec.fingerprint != (try ModelSpec(yaml: "bits: 12\n")).fingerprint)
        #expect(spec.fingerprint != (try ModelSpec(yaml: "bits: 12\ncrosses: [au]\n")).fingerprint)
        for wrong in ["[a]", "[abcdefghi]", "[\"aé\"]", "ab"] {
            #expect(throws: ConfigurationError.self) { try ModelSpec(yaml: "crosses: \(wrong)\n") }
        }
    }
}
