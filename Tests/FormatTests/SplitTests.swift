internal import Format
internal import Testing

@Suite("A stream reads the same in any split")
struct SplitTests {
    /// A spec, a heartbeat and a delta.
    static let stream: [UInt8] = {
        var bytes: [UInt8] = []
        appendSpec("bits: 12\n", stamp: .sample, to: &bytes)
        appendMark(.heartbeat, stamp: .sample, to: &bytes)
        let rows = Rows.random(count: 9, meanGap: 20, outliers: false, seed: 3)
        appendRows(.delta, stamp: .sample(to: 1001), indices: rows.indices.span, values: rows.values.span, to: &bytes)
        return bytes
    }()

    /// Feeds the pieces as a connection would, and returns the kinds read.
    static func kinds(of pieces: [ArraySlice<UInt8>]) throws -> [RecordKind] {
        var reader = RecordReader()
        var pending: [UInt8] = []
        var kinds: [RecordKind] = []
        for piece in pieces {
            pending += piece
            while case .record(let header, let payload) = try reader.read(pending.span) {
                kinds.append(header.kind)
                pending.removeFirst(payload.upperBound)
            }
        }
        #expect(pending.isEmpty && reader.offset == pieces.reduce(0) { $0 + UInt64($1.count) })
        return kinds
    }

    @Test("cut in two at every byte", arguments: 0...stream.count)
    func twoPieces(cut: Int) throws {
        let kinds = try Self.kinds(of: [Self.stream[..<cut], Self.stream[cut...]])
        #expect(kinds == [.spec, .heartbeat, .delta])
    }

    @Test("in pieces of one size", arguments: [1, 2, 7, 111, 112, 113])
    func equalPieces(size: Int) throws {
        let starts = stride(from: 0, to: Self.stream.count, by: size)
        let pieces = starts.map { Self.stream[$0..<min($0 + size, Self.stream.count)] }
        #expect(try Self.kinds(of: pieces) == [.spec, .heartbeat, .delta])
    }

    @Test("what stands before a record does not change it")
    func appended() throws {
        let rows = Rows.random(count: 9, meanGap: 20, outliers: false, seed: 3)
        #expect(Self.stream.suffix(delta(rows).count).dropFirst(112).elementsEqual(delta(rows).dropFirst(112)))
    }
}

@Suite("A record cut short is never read")
struct TruncationTests {
    static let record = delta(Rows.random(count: 5, meanGap: 30, outliers: false, seed: 8))

    @Test("the reader asks for more than there is, and for no more than the record", arguments: 0..<record.count)
    func needMore(byteCount: Int) throws {
        guard case .needMore(let wanted) = try firstStep(Array(Self.record[..<byteCount])) else {
            Issue.record("\(byteCount) bytes were taken for a record")
            return
        }
        #expect(wanted == (byteCount < 112 ? 112 : Self.record.count))
    }
}
