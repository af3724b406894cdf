import Configuration
import Domain
import Features
import Testing

private let columns =
    "columns: {label: click, importance: weight, numbers: [age, price], categories: [site, device, 'a b']}"

/// One record, to be written as CSV and as Vowpal Wabbit text.
private struct Record {
    var fields: [String: String] = [:]

    init(_ random: inout Random) {
        fields["click"] = random.pick(["1", "0", "-1", "1.0", "5"])
        fields["weight"] = random.pick(["", "", "2", "0.5", "-1"])
        fields["age"] = random.oneIn(4) ? "" : random.number()
        fields["price"] = random.oneIn(4) ? "" : random.number()
        for name in ["site", "device", "a b", "other"] {
            fields[name] = random.pick(["", "x", "news.example", "17", "a,b", "say\"so\"", "é", "12345678901", "café"])
        }
    }

    func vwText(_ header: [String]) -> String {
        var text = "\(fields["click"]!) \(fields["weight"]!) |"
        for name in header {
            guard let value = fields[name], !value.isEmpty else { continue }
            switch name {
            case "age", "price": text += " |\(name) \(name):\(value)"
            case "site", "device": text += " |\(name) \(value)"
            default: break
            }
        }
        return text
    }

    func csv(_ header: [String], _ random: inout Random) -> String {
        header.map { field(fields[$0] ?? "?", &random) }.joined(separator: ",") + random.pick(["", "\r"])
    }
}

private func field(_ value: String, _ random: inout Random) -> String {
    let needsQuotes = value.contains(",") || value.contains("\"")
    guard needsQuotes || random.oneIn(4) else { return value }
    return "\"\(value.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
}

/// Parses a body: its header, then its lines.
private func parseCSV(
    _ text: some Collection<UInt8>, _ spec: ModelSpec, purpose: ExampleParser.Purpose = .training,
    piecesFrom seed: UInt64? = nil
) throws -> Parsed {
    try parse(text, .csv, spec, purpose: purpose, piecesFrom: seed, readsHeader: true)
}

@Suite("CSV is Vowpal Wabbit text in other words")
struct CSVTests {
    private func spec(_ more: String = "") throws -> ModelSpec { try ModelSpec(yaml: "\(columns)\n\(more)") }

    @Test("the same examples, whatever the plan adds, however the bytes come")
    func equality() throws {
        let plans = try specs(number: "age^age", other: "price^price", crosses: ["as", "::", "pd"])
        for (seed, plan) in plans.enumerated() {
            var spec = plan
            spec.columns = try Columns(
                label: "click", importance: "weight", numbers: ["age", "price"], categories: ["site", "device"])
            for round in 0..<4 {
                var random = Random(UInt64(seed * 100 + round))
                var header = ["click", "weight", "age", "price", "site", "device", "other", "a b"]
                for k in header.indices.reversed() { header.swapAt(k, random.below(k + 1)) }
                let records = (0..<50).map { _ in Record(&random) }
                let lines = records.map { $0.csv(header, &random) }
                let first = header.map { field($0, &random) }.joined(separator: ",")
                // Lines are counted from the first behind the header here.
                let wanted = parse(records.map { $0.vwText(header) }.joined(separator: "\n").utf8, .vw, plan)
                let text = "\(first)\n\(lines.joined(separator: "\n"))".utf8
                let found = try parseCSV(text, spec).difference(from: wanted)
                #expect(found == nil, "plan \(seed), round \(round)")
                let inPieces = try parseCSV(text, spec, piecesFrom: UInt64(round + 1)).difference(from: wanted)
                #expect(inPieces == nil, "plan \(seed), round \(round), in pieces")
            }
        }
    }

    @Test("values that Vowpal Wabbit's text cannot carry are hashed by their bytes")
    func bytes() throws {
        let spec = try spec("bits: 30\nconstant: false")
        let found = try parseCSV("click,age,site,weight,device,price,a b\n1,,a b:c|\td,,\"x,\"\"y\",,é z".utf8, spec)
        #expect(found.errors == [])
        let names = [("a b:c|\td", "site"), ("x,\"y", "device"), ("é z", "a b")]
        #expect(
            found.features == [
                names.map { "\(referenceMurmur($0.0, in: $0.1) & 0x3fff_ffff):\(Float(1).bitPattern)" }
            ])
    }

    @Test("to score, neither label nor importance need be there")
    func scoring() throws {
        let spec = try ModelSpec(yaml: "columns: {numbers: [age], categories: [site]}")
        for (header, row) in [("age,site", "3,x"), ("label,age,site", "?,3,x"), ("label,age,site", ",3,x")] {
            let found = try parseCSV("\(header)\n\(row)\n".utf8, spec, purpose: .scoring)
            #expect(found.difference(from: parse("|age age:3 |site x".utf8, .vw, purpose: .scoring)) == nil)
        }
    }

    @Test(
        "a header that does not fit is told in a sentence",
        arguments: [
            ("age,site\n", "the header has no column 'click', which the spec's 'columns' names"),
            ("click,age,site,age\n", "the header has the column 'age' twice"),
            ("click,\"age,site\n", "the header is not CSV: look for a quote that does not end"),
            ("\n", "the header has no column 'age', 'click', 'site', which the spec's 'columns' names"),
        ])
    func header(text: String, problem: String) throws {
        let spec = try ModelSpec(yaml: "columns: {label: click, numbers: [age], categories: [site]}")
        let error = #expect(throws: HeaderError.self) { try parseCSV(text.utf8, spec) }
        #expect(error?.description == problem)
    }

    @Test("a header may have a byte order mark, quotes, a carriage return, and no rows")
    func headers() throws {
        let spec = try ModelSpec(yaml: "columns: {label: click, numbers: [age], categories: [\"s,\\\"t\"]}")
        for text in [
            "\u{FEFF}click,age,\"s,\"\"t\"", "\"click\",\"age\",\"s,\"\"t\"\r\n", "\u{FEFF}\"click\",age,\"s,\"\"t\"\n",
        ] {
            #expect(try parseCSV(text.utf8, spec) == Parsed())
        }
        let error = #expect(throws: HeaderError.self) {
            try parseCSV(String(repeating: "x", count: 300_000).utf8, spec, piecesFrom: 1)
        }
        #expect(error != nil)
    }

    @Test("a spec without columns reads no CSV, and says so")
    func withoutColumns() {
        #expect(throws: HeaderError.self) { try parseCSV("label,x\n".utf8, ModelSpec()) }
    }

    @Test(
        "every kind of bad line names its column and reason",
        arguments: [
            ("1,2", 4, .csvColumnCount), ("1,2,x,,,", 8, .csvColumnCount), ("1,2,x,3", 8, .csvColumnCount),
            (",2,x", 5, .csvColumnCount), ("7,2,x,1,", 1, .wrongLabel), (",2,x,1,", 1, .labelMissing),
            ("1,two,x,,", 3, .valueNotNumeric), ("1,nan,x,,", 3, .valueNotANumber), ("1,1e99,x,,", 3, .valueInfinite),
            ("1,5e9,x,,", 3, .valueTooLarge), ("1,2,x,0,", 7, .wrongImportance), ("1,2,\"x,,", 5, .csvOpenQuote),
            ("1,2,x\"y\",,", 6, .csvQuote), ("1,2,\"x\"y,,", 8, .csvQuote), ("1,2,\"x\" ,,", 8, .csvQuote),
            ("1, 2,x,,", 3, .valueNotNumeric), ("1,\u{0},x,,", 3, .valueNotNumeric), ("\"", 1, .csvOpenQuote),
            ("1,2,x,,\"\"\"", 8, .csvOpenQuote),
        ] as [(String, Int, LineError.Reason)])
    func badLines(line: String, column: Int, reason: LineError.Reason) throws {
        let spec = try ModelSpec(yaml: "columns: {label: l, importance: w, numbers: [n], categories: [c]}")
        let parsed = try parseCSV("l,n,c,w,z\n1,2,x,,\n\(line)\n\n0,3,y,2,\n".utf8, spec)
        #expect(parsed.errors == [LineError(line: 2, column: column, reason: reason)])
        #expect(parsed.labels == [1, 0])
    }

    @Test("a column too many, a megabyte of quotes, a line without end: refused alone")
    func hostile() throws {
        let spec = try ModelSpec(yaml: "columns: {label: l, numbers: [n]}")
        let lines = [
            "1,2" + String(repeating: ",", count: 5000), String(repeating: "\"", count: 400_001),
            "1," + String(repeating: "0", count: 300_000), "\"" + String(repeating: "x", count: 300_000),
        ]
        let parsed = try parseCSV("l,n\n1,2\n\(lines.joined(separator: "\n"))\n0,3".utf8, spec)
        #expect(parsed.errors.map(\.reason) == [.csvColumnCount, .csvOpenQuote, .tooLong, .csvOpenQuote])
        #expect(parsed.errors.map(\.line) == [2, 3, 4, 5])
        #expect(parsed.labels == [1, 0])
    }

    @Test("the mapping comes back from its YAML, and is part of the fingerprint")
    func yaml() throws {
        let odd = try Columns(label: "a: b", importance: nil, numbers: ["\"q\"", "é"], categories: ["#", "no"])
        for mapping in [try spec().columns, odd] {
            var spec = ModelSpec()
            spec.columns = mapping
            #expect(try ModelSpec(yaml: spec.yaml) == spec)
            #expect(spec.fingerprint != ModelSpec().fingerprint)
        }
        #expect(ModelSpec().yaml.contains("columns") == false)
    }

    @Test(
        "a mapping that is none is refused",
        arguments: [
            "{}", "{numbers: [a, a]}", "{label: a, categories: [a]}", "{numbers: ['']}", "{numbers: [a], names: [b]}",
        ])
    func refused(mapping: String) {
        #expect(throws: ConfigurationError.self) { try ModelSpec(yaml: "columns: \(mapping)") }
    }
}
