import Configuration
import Domain
import Features
import Testing

private let (capitals, letters) = (Array("ABCDEFGHIJKLM"), Array("abcdefghijklmnopqrstuvwxyz"))

/// A line of Criteo's in Vowpal Wabbit's words, by cutting strings.
private func vwText(_ line: String) -> String {
    let line = line.hasSuffix("\r") ? String(line.dropLast()) : line
    if line.isEmpty { return "" }
    let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
    guard columns.count == 40 else { return "bad |" }
    var text = "\(columns[0]) |"
    for k in 0..<13 where !columns[1 + k].isEmpty { text += " |\(capitals[k]) I\(k + 1):\(columns[1 + k])" }
    for k in 0..<26 where !columns[14 + k].isEmpty { text += " |\(letters[k]) \(columns[14 + k])" }
    return text
}

private func randomLine(_ random: inout Random) -> String {
    if random.oneIn(20) { return "" }
    var columns = [random.pick(["1", "0", "0", "-1", "7"])]
    for _ in 0..<13 { columns.append(random.oneIn(4) ? "" : random.number()) }
    for _ in 0..<26 {
        columns.append(
            random.oneIn(6)
                ? "" : String(random.next() % 0xffff_ffff, radix: random.oneIn(5) ? 10 : 16))
    }
    if random.oneIn(20) { columns.removeLast() }
    if random.oneIn(20) { columns.append("x") }
    return columns.joined(separator: "\t") + (random.oneIn(4) ? "\r" : "")
}

@Suite("Criteo's lines are Vowpal Wabbit text in other words")
struct CriteoTests {
    @Test("the same examples, whatever the plan adds, however the bytes come")
    func equality() throws {
        let plans = try specs(number: "B^I2", other: "c^5", crosses: ["Ab", "::", "abz"])
        for (seed, spec) in plans.enumerated() {
            for round in 0..<4 {
                var random = Random(UInt64(seed * 100 + round))
                let lines = (0..<40).map { _ in randomLine(&random) }
                let wanted = parse(lines.map(vwText).joined(separator: "\n").utf8, .vw, spec)
                let text = lines.joined(separator: "\n").utf8
                let found = parse(text, .criteo, spec).difference(from: wanted)
                #expect(found == nil, "plan \(seed), round \(round)")
                let inPieces = parse(text, .criteo, spec, piecesFrom: UInt64(round + 1)).difference(from: wanted)
                #expect(inPieces == nil, "plan \(seed), round \(round), in pieces")
            }
        }
    }

    private let empty = String(repeating: "\t", count: 38)

    @Test("to score, the label may be empty")
    func scoring() {
        for label in ["", "1", "?"] {
            let text = "\(label)\t5\(empty)\n".utf8
            #expect(
                parse(text, .criteo, purpose: .scoring).difference(
                    from: parse("|A I1:5\n".utf8, .vw, purpose: .scoring)) == nil)
        }
    }

    @Test("a category is all bytes between its tabs")
    func bytes() throws {
        let spec = try ModelSpec(yaml: "bits: 30")
        let found = parse(
            "1\(String(repeating: "\t", count: 14))x y:z|\(String(repeating: "\t", count: 25))".utf8, .criteo, spec)
        #expect(found.errors == [])

        #expect(
            found.features.first?.first == "\(referenceMurmur("x y:z|", in: "a") & 0x3fff_ffff):\(Float(1).bitPattern)")
    }

    @Test(
        "every kind of bad line names its column and reason",
        arguments: [
            ("\t1", 1, .noLabel), ("2\t1", 1, .wrongLabel), ("1\t1", 4, .criteoColumnCount),
            ("1", 2, .criteoColumnCount),
            ("1\tx", 3, .valueNotNumeric), ("1\tnan", 3, .valueNotANumber), ("1\t1e99", 3, .valueInfinite),
            ("1\t5e9", 3, .valueTooLarge), ("1\t \t", 3, .valueNotNumeric),
        ] as [(String, Int, LineError.Reason)])
    func badLines(line: String, column: Int, reason: LineError.Reason) {
        let good = "1\t3\(empty)"
        let parsed = parse("\(good)\n\(line)\n\(good)\n".utf8, .criteo)
        #expect(parsed.errors == [LineError(line: 2, column: column, reason: reason)])
        #expect(parsed.labels == [1, 1])
    }

    @Test("41 columns, a NUL byte, a line without end: refused alone")
    func hostile() {
        let good = "1\t3\(empty)"
        let parsed = parse(
            "\(good)\t\n1\t\u{0}\(empty)\n1\(String(repeating: "\t", count: 300_000))\n\(good)".utf8, .criteo)
        #expect(parsed.errors.map(\.line) == [1, 2, 3])
        #expect(parsed.errors.map(\.reason) == [.criteoColumnCount, .valueNotNumeric, .criteoColumnCount])
        #expect(parsed.labels == [1])
    }
}
