import Domain
import Features
import Testing

/// libsvm and libffm in Vowpal Wabbit's words, by cutting strings.
private func vwText(_ line: String, hasFields: Bool) -> String {
    let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == "\r" }
    guard let label = words.first else { return "" }
    var text = "\(label)"
    var field: Substring = ""
    if !hasFields { text += " |" }
    for word in words.dropFirst() {
        guard hasFields, let colon = word.firstIndex(of: ":") else {
            text += " \(word)"
            continue
        }
        if word[..<colon] != field { text += " |\(word[..<colon])" }
        field = word[..<colon]
        text += " \(word[word.index(after: colon)...])"
    }
    return text
}

private func randomLine(_ random: inout Random, hasFields: Bool) -> String {
    if random.oneIn(15) { return random.pick(["", "# only a comment", "   ", "\r"]) }
    var line = random.pick(["1", "-1", "0", "+1", "1.0", " 1", "-1e0", "3", "x"])
    for _ in 0..<random.below(12) {
        line += random.pick([" ", " ", " ", "  ", "\t"])
        if hasFields { line += "\(random.below(5)):" }
        line += random.oneIn(9) ? "\(random.next())\(random.next())" : "\(random.below(25))"
        line += ":\(random.number())"
    }
    return line + random.pick(["", "", "", " ", "\r", " # said: 3:4 | more", "#touching"])
}

@Suite("libsvm and libffm are Vowpal Wabbit text in other words")
struct LibsvmTests {
    @Test("the same examples, whatever the plan adds, however the bytes come", arguments: [false, true])
    func equality(hasFields: Bool) throws {
        let format: ExampleFormat = hasFields ? .libffm : .libsvm
        let plans = try specs(
            number: hasFields ? "2^3" : "^3", other: hasFields ? "1^7" : "^12",
            crosses: hasFields ? ["12", "::", "113"] : ["::", "  "])
        for (seed, spec) in plans.enumerated() {
            for round in 0..<6 {
                var random = Random(UInt64(seed * 100 + round))
                let lines = (0..<60).map { _ in randomLine(&random, hasFields: hasFields) }
                let known = lines.map { vwText($0, hasFields: hasFields) }.joined(separator: "\n")
                let text = lines.joined(separator: "\n")
                let wanted = parse(known.utf8, .vw, spec)
                let found = parse(text.utf8, format, spec).difference(from: wanted)
                #expect(found == nil, "plan \(seed), round \(round)")
                let inPieces = parse(text.utf8, format, spec, piecesFrom: UInt64(round + 1)).difference(from: wanted)
                #expect(inPieces == nil, "plan \(seed), round \(round), in pieces")
            }
        }
    }

    @Test("to score, the label is ignored, and may be missing")
    func scoring() {
        for label in ["", "1 ", "nonsense "] {
            #expect(
                parse("\(label)3:2 4:1\n".utf8, .libsvm, purpose: .scoring).difference(
                    from: parse("| 3:2 4:1\n".utf8, .vw, purpose: .scoring)) == nil)
            #expect(
                parse("\(label)7:3:2 8:4:1\n".utf8, .libffm, purpose: .scoring).difference(
                    from: parse("|7 3:2 |8 4:1\n".utf8, .vw, purpose: .scoring)) == nil)
        }
    }

    @Test(
        "every kind of bad line names its column and reason",
        arguments: [
            ("2 1:1", 1, .wrongLabel), ("yes 1:1", 1, .wrongLabel), ("1:2 3:4", 1, .noLabel), (" |1 2", 2, .wrongLabel),
            ("1 qid:3 1:1", 3, .queryID), ("1 a:1", 3, .indexNotDigits), ("1 :1", 3, .indexNotDigits),
            ("1 -1:1", 3, .indexNotDigits), ("1 12345678x:1", 3, .indexNotDigits), ("1 5", 4, .valueMissing),
            ("1 5: 6:1", 5, .valueMissing), ("1 5:#", 5, .valueMissing), ("1 5:x", 5, .valueNotNumeric),
            ("1 5:x#", 5, .valueNotNumeric), ("1 5:1:2", 6, .secondColon), ("1 5:1|2", 6, .valueNotNumeric),
            ("1 5|6:1", 4, .valueMissing), ("1 5:nan", 5, .valueNotANumber), ("1 5:inf", 5, .valueInfinite),
            ("1 5:1e10", 5, .valueTooLarge), ("1 \u{0}:1", 3, .indexNotDigits), ("1 3:\u{0}", 5, .valueNotNumeric),
        ] as [(String, Int, LineError.Reason)])
    func badLines(line: String, column: Int, reason: LineError.Reason) {
        let parsed = parse("1 1:1\n\(line)\n\n-1 2:1 # good\n".utf8, .libsvm)
        #expect(parsed.errors == [LineError(line: 2, column: column, reason: reason)])
        #expect(parsed.labels == [1, 0])
    }

    @Test(
        "libffm: field, index and value, each a number",
        arguments: [
            ("1 1:1", 6, .fieldMissing), ("1 1", 4, .fieldMissing), ("1 a:1:1", 3, .indexNotDigits),
            ("1 1:b:1", 5, .indexNotDigits), ("1 1::1", 5, .indexNotDigits), ("1 1:2:", 7, .valueMissing),
            ("1 1:2:3:4", 8, .secondColon), ("1 1:2:x", 7, .valueNotNumeric),
        ] as [(String, Int, LineError.Reason)])
    func badFields(line: String, column: Int, reason: LineError.Reason) {
        let parsed = parse("1 1:1:1\n\(line)\n-1 2:2:1\n".utf8, .libffm)
        #expect(parsed.errors == [LineError(line: 2, column: column, reason: reason)])
        #expect(parsed.labels == [1, 0])
    }

    @Test("lines with too many features or bytes are refused, and nothing else", arguments: [false, true])
    func hostile(hasFields: Bool) {
        let format: ExampleFormat = hasFields ? .libffm : .libsvm
        let feature = hasFields ? " 1:2:1" : " 2:1"
        let many = "1" + String(repeating: feature, count: 5000)
        let long = "1" + String(repeating: " ", count: 300_000) + feature
        let parsed = parse("1\(feature)\n\(many)\n\(long)\n0\(feature)".utf8, format)
        #expect(parsed.errors.map(\.line) == [2, 3])
        #expect(parsed.errors.map(\.reason) == [.tooManyFeatures, .tooLong])
        #expect(parsed.labels == [1, 0])
    }
}
