internal import Configuration
internal import Domain
internal import Features
internal import Format
internal import ParameterServer
internal import Testing

@Suite("A body of any format is cut into batches as text is")
struct BodyFormatTests {
    private let spec = try! ModelSpec(yaml: "bits: 12\ncolumns: {label: l, numbers: [n], categories: [c]}")

    private static let rows = "1,2,x\n0,,y\nbad,1,z\n\n1,4,\"x,y\"\n0,5,z\n"

    private func cut(_ text: String, _ format: ExampleFormat, lineCount: Int?, piece: Int = .max) throws
        -> [BatchCutter.Batch]
    {
        var cutter = BatchCutter(Plan(spec), format, lineCount: lineCount)
        var found: [BatchCutter.Batch] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: min(piece, bytes.count)) {
            let part = Array(bytes[start..<min(bytes.count, start + min(piece, bytes.count))])
            part.span.withBytes { cutter.append($0) }
            while let batch = try cutter.next(endsText: false) { found.append(batch) }
        }
        while let batch = try cutter.next(endsText: true) { found.append(batch) }
        return found
    }

    @Test("a header is no line of a batch, but counts where lines are told", arguments: [1, 3, 7, 1000])
    func header(piece: Int) throws {
        let batches = try cut("l,n,c\n\(Self.rows)", .csv, lineCount: 3, piece: piece)
        #expect(batches.map(\.lineCount) == [3, 3])
        #expect(batches.map(\.examples.exampleCount) == [2, 2])
        #expect(batches[0].errors.told == [LineError(line: 4, column: 1, reason: .wrongLabel)])
        #expect(batches.map(\.byteCount).reduce(0, +) == Self.rows.utf8.count)
    }

    @Test("a trainer that goes on where it stood sends the same batches, behind the header again")
    func resumed() throws {
        let lines = Self.rows.split(separator: "\n", omittingEmptySubsequences: false)
        let whole = try cut("l,n,c\n\(Self.rows)", .csv, lineCount: 3)
        let rest = try cut("l,n,c\n\(lines[3...].joined(separator: "\n"))", .csv, lineCount: 3)
        #expect(rest.map(\.digest) == [whole[1].digest])
        // The same rows under other columns are other examples.
        let swapped = try cut("n,l,c\n\(Self.rows)", .csv, lineCount: 3)
        #expect(swapped[0].digest != whole[0].digest)
    }

    @Test("a header that does not fit, or none, makes the body unreadable")
    func unreadable() throws {
        for text in ["l,n\n1,2\n", Self.rows] {
            #expect(throws: BatchCutter.Failure.self) { try cut(text, .csv, lineCount: 2) }
        }
        #expect(try cut("l,n,c\n", .csv, lineCount: 2).isEmpty)
        #expect(try cut("l,n,c", .csv, lineCount: nil).isEmpty)
    }

    @Test("each format in pieces gives the batches it gives whole", arguments: ExampleFormat.allCases)
    func pieces(format: ExampleFormat) throws {
        let text =
            switch format {
            case .vw: "1 |a x\nbad\n-1 |b y:2\n"
            case .libsvm: "1 1:2 # so\nbad\n\n-1 3:1\n"
            case .libffm: "1 1:1:2\nbad\n-1 2:3:1\n"
            case .criteo: "1\t5\(String(repeating: "\t", count: 38))\nbad\n"
            case .csv: "l,c,n\n\(Self.rows)"
            case .ndjson: "{\"label\":1,\"features\":{\"a\":{\"x\\\"\":2}}}\nbad\n{\"label\":0}\n"
            }
        for lineCount in [nil, 1, 2] {
            let whole = try cut(text, format, lineCount: lineCount)
            #expect(!whole.isEmpty)
            for piece in 1..<9 {
                let found = try cut(text, format, lineCount: lineCount, piece: piece)
                #expect(found.map(\.digest) == whole.map(\.digest))
                #expect(found.map(\.errors) == whole.map(\.errors))
                #expect(found.map(\.examples.featureCount) == whole.map(\.examples.featureCount))
            }
        }
    }
}

@Suite("A node unpacks so many bodies at a time")
struct UnpackingPlacesTests {
    @Test("a place that is let go is free again")
    func places() {
        let places = UnpackingPlaces(count: 2)
        var kept = [places.take(), places.take()]
        #expect(kept.allSatisfy { $0 != nil })
        #expect(places.take() == nil)
        kept.removeLast()
        let again = places.take()
        #expect(again != nil)
        #expect(places.take() == nil)
    }
}
