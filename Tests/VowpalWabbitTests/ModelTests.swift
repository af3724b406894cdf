import Testing
import VowpalWabbit

@Suite("Models are Vowpal Wabbit's, byte for byte, and damaged ones are refused")
struct ModelTests {
    private static let examples = "1 |a x y:0.5 |b z\n-1 |a y z |b w\n1 |a x |b w:2\n"
    /// What Vowpal Wabbit 9.11.9 made of the examples with `--loss_function logistic -q ab -b 10 -f`.
    private static let theirs = base64(
        """
        BwAAADkuMTEuOQABAAAAAG0AAEjCAABIQgoAAAAAAAAAAAAAAAAAAAAQAAAAIC0tcXVhZHJhdGljIGFiAAQAAAAH9odjAQAAAAAA\
        AAAAAAAwQAAAAAAAAAhAAAAAKARMA0AAAAAoBEwDQAAAgD8AAEjCAABIQgAAAAAAAAhAAAAAAAAA8D8AAAAAAAAAAAMAAAAAAAAA\
        EAAAAAAAAAAAAAAAAAAIQAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/iAAAAJx0lD5Oiwk/AACAPxcBAAA5/h0+AACA\
        PgAAgD9cAQAAZf0GPpD1aT8AAIA/ggEAADn+nT4AAIA9AAAAP60BAACAMIy6vkvDPwAAAEAGAgAAGBAnvoTUwD4AAIA/3wIAABgQ\
        J76E1MA+AACAPw8DAAA5/h0+AACAPgAAgD8gAwAAGBAnvoTUwD4AAIA/XwMAAMCeUTuE1OA+AACAP7UDAACZ+r09nRaTPwAAAEA=
        """)

    @Test("Vowpal Wabbit's own model predicts as it does there, and learns on as it does there")
    func theirModel() async throws {
        let folder = try Folder()
        try folder.write(Self.examples, to: "examples")
        try folder.write(Self.theirs, to: "model")
        try await folder.run("-d @examples -t -i @model -p @p --loss_function logistic --quiet")
        #expect(near(try folder.predictions("p"), [0.886248, -0.355487, 0.605165]))
        try await folder.run("-d @examples -i @model -p @p --loss_function logistic -q ab -b 10 --quiet")
        #expect(near(try folder.predictions("p"), [0.886248, -0.261696, 0.592752]))
    }

    @Test("a model of the same examples has the same header, options and rows")
    func sameBytes() async throws {
        let folder = try Folder()
        try folder.write(Self.examples, to: "examples")
        try await folder.run("-d @examples --loss_function logistic -q ab -b 10 -f @model --quiet")
        let ours = try ModelContents(path: "ours", bytes: try folder.bytes("model"))
        let theirs = try ModelContents(path: "theirs", bytes: Self.theirs)
        #expect(ours.header.commandLine == theirs.header.commandLine)
        #expect(ours.header.minLabel == theirs.header.minLabel)
        #expect(ours.header.text == theirs.header.text)
        let (found, expected) = (try rows(ours), try rows(theirs))
        #expect(found.map(\.index) == expected.map(\.index))
        for (a, b) in zip(found, expected) { #expect(near(a.row, b.row), "index \(a.index)") }
    }

    @Test(
        "what is written reads back to the same bits, binary and readable",
        arguments: [
            "", "--ftrl", "--coin", "--pistol", "--freegrad", "--adaptive", "--sgd", "--l1 1e-3 --l2 1e-3",
            "--ngram 2 --skips 1 --ngram a3 --id mine --hash all --hash_seed 9 --noconstant", "--predict_only_model",
        ])
    func roundTrip(_ options: String) async throws {
        let folder = try Folder()
        try folder.write(Self.examples, to: "examples")
        try await folder.run("-d @examples -b 10 -f @model --readable_model @text --quiet \(options)")
        try await folder.run("-d @examples -t -i @model -f @again --readable_model @text.again -p @p --quiet")
        let (first, again) = (
            try ModelContents(path: "model", bytes: try folder.bytes("model")),
            try ModelContents(path: "again", bytes: try folder.bytes("again"))
        )
        let line = try VWOptions(["-i", "model"]) { _ in first.header.commandLine }
        // To test is to do what regularisation has put off.
        if !options.contains("--l1") {
            #expect(
                try rows(first, line).elementsEqual(rows(again, line)) {
                    $0.index == $1.index && $0.row[...] == $1.row.prefix($0.row.count)
                })
        }
        let binary = try folder.predictions("p")
        try await folder.run("-d @examples -t -i @text -p @p --quiet")
        #expect(near(try folder.predictions("p"), binary, 1e-4))
    }

    @Test("every cut and every flipped bit of a model of ours is refused")
    func cuts() async throws {
        let folder = try Folder()
        try folder.write(Self.examples, to: "examples")
        try await folder.run("-d @examples -b 10 -f @model --quiet")
        let whole = try folder.bytes("model")
        for count in whole.indices {
            #expect(throws: VWError.self, "cut at \(count)") { try allRows(Array(whole[..<count])) }
        }
        for place in whole.indices {
            var damaged = whole
            damaged[place] ^= 0x10
            #expect(throws: VWError.self, "flipped at \(place)") { try allRows(damaged) }
        }
        try allRows(whole)
    }

    @Test("every cut of Vowpal Wabbit's model is refused, but for those between two rows, which its format cannot tell")
    func theirCuts() throws {
        let firstRow = Self.theirs.count - 11 * 16
        for count in Self.theirs.indices where count < firstRow || (count - firstRow) % 16 != 0 {
            #expect(throws: VWError.self, "cut at \(count)") { try allRows(Array(Self.theirs[..<count])) }
        }
        try allRows(Self.theirs)
    }

    @Test("what is no model, or another version's, is said")
    func foreign() {
        for bytes in [Array("no model at all".utf8), [7, 0, 0, 0] + Array("8.11.0".utf8) + [0], []] {
            #expect(throws: VWError.self) { try allRows(bytes) }
        }
    }

    private func allRows(_ bytes: [UInt8]) throws { _ = try rows(try ModelContents(path: "model", bytes: bytes)) }

    private func rows(_ model: ModelContents) throws -> [(index: Int, row: [Float])] {
        try rows(model, try VWOptions(["-i", "model"]) { _ in model.header.commandLine })
    }

    private func rows(_ model: ModelContents, _ options: VWOptions) throws -> [(index: Int, row: [Float])] {
        var rows: [(index: Int, row: [Float])] = []
        try model.forEachRow(columnCount: options.savedColumnCount) { rows.append(($0, $1)) }
        return rows
    }

    private func near(_ a: [Float], _ b: [Float], _ tolerance: Float = 1e-3) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
    }
}

/// The bytes of a text in base 64.
private func base64(_ text: String) -> [UInt8] {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var (bytes, word, bits): ([UInt8], UInt32, Int) = ([], 0, 0)
    for digit in text.utf8 {
        guard let value = digits.firstIndex(of: digit) else { continue }
        word = word << 6 | UInt32(value)
        bits += 6
        if bits >= 8 {
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        }
    }
    return bytes
}
