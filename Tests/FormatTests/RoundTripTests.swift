internal import Domain
internal import Format
internal import TestSupport
internal import Testing

@Suite("A record comes back as it was written")
struct RoundTripTests {
    @Test(
        "rows of any density, with and without outliers, seed by seed",
        arguments: [0, 1, 3, 40, 1000, 30_000, 4_000_000], 1...12 as ClosedRange<UInt64>)
    func rows(meanGap: UInt64, seed: UInt64) throws {
        for count in [1, 2, 3, 4, 5, 8, 63, 64, 65, 1000] {
            let rows = Rows.random(count: count, meanGap: meanGap, outliers: seed % 2 == 0, seed: seed)
            let back = try readRows(delta(rows))
            #expect(back == rows, "\(count) rows")
        }
    }

    @Test(
        "rows at the edges of the index space",
        arguments: [
            [], [0], [.max], [0, .max], [0, 1, .max], [.max - 1, .max], [0, 1 << 31, .max], Array(0..<200),
            Array(UInt32.max - 100...UInt32.max), Array(5..<70) + [.max], [0] + Array(1 << 31..<(1 << 31) + 300),
        ] as [[UInt32]])
    func edges(indices: [UInt32]) throws {
        let rows = Rows(indices: indices, values: indices.map { Float($0) })
        #expect(try readRows(delta(rows)) == rows)
    }

    @Test("values keep their bits: zeros of both signs, infinities, NaN payloads, subnormals")
    func valueBits() throws {
        let patterns: [UInt32] = [0, 0x8000_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_1234, 0xFFA0_0001, 1]
        let rows = Rows(indices: Array(0..<7), values: patterns.map { Float(bitPattern: $0) })
        let back = try #require(try readRows(delta(rows)))
        #expect(back.values.map(\.bitPattern) == patterns)
    }

    @Test("every field of the header")
    func header() throws {
        let digest = RangeDigest(indices: 5..<1 << 32, digest: WeightDigest(sum: .max - 7))
        let stamp = RecordStamp(
            history: History(1), baseVersion: Version(2), version: Version(.max), watermarkMilliseconds: 3,
            fingerprint: Fingerprint(4), ownerIndex: 65534, ownerCount: 65535, digest: digest)
        var bytes: [UInt8] = []
        appendRows(.chunk, stamp: stamp, indices: [6, 7, 9].span, values: [1, 2, 3].span, to: &bytes)
        guard case .record(let header, let payload) = try firstStep(bytes) else {
            Issue.record("a whole record was not read")
            return
        }
        #expect(header.stamp == stamp)
        #expect(header.kind == .chunk && header.columns == .weights)
        #expect(header.rowCount == 3 && header.firstIndex == 6)
        #expect(payload == 112..<bytes.count && header.recordByteCount == bytes.count)
    }

    @Test("records without rows", arguments: [RecordKind.copyBegin, .copyEnd, .heartbeat])
    func marks(kind: RecordKind) throws {
        var bytes: [UInt8] = []
        appendMark(kind, stamp: .sample, to: &bytes)
        #expect(bytes.count == RecordHeader.byteCount)
        #expect(try firstStep(bytes) == .record(RecordHeader(kind: kind, stamp: .sample), payload: 112..<112))
    }

    @Test("specs", arguments: ["", "bits: 22\n", "name: \u{1F30A}\n"])
    func spec(yaml: String) throws {
        var bytes: [UInt8] = []
        appendSpec(yaml, stamp: .sample, to: &bytes)
        guard case .record(let header, let payload) = try firstStep(bytes) else {
            Issue.record("a whole record was not read")
            return
        }
        #expect(try decodeSpec(header, payload: bytes.span.extracting(payload)) == yaml)
    }

    @Test("a second decoding replaces the first, whatever the sizes")
    func reuse() throws {
        var back = Rows()
        for count in [100, 3, 0, 500] {
            let rows = Rows.random(count: count, meanGap: 9, outliers: false, seed: 5)
            let bytes = delta(rows)
            guard case .record(let header, let payload) = try firstStep(bytes) else { continue }
            try decodeRows(
                header, payload: bytes.span.extracting(payload), indexLimit: 1 << 32, into: &back.indices,
                values: &back.values)
            #expect(back == rows)
        }
    }

    @Test("pauses change nothing and come about as often as asked", arguments: [1, 2, 3, 4, 5, 7, 9, 64, 1000])
    func pauses(pauseRowCount: Int) throws {
        for (count, meanGap) in [(1, 9), (2, 9), (9, 9), (500, 9), (500, 2000), (4096, 3)] as [(Int, UInt64)] {
            for outliers in [false, true] {
                let rows = Rows.random(count: count, meanGap: meanGap, outliers: outliers, seed: 6)
                let bytes = delta(rows)
                guard case .record(let header, let payload) = try firstStep(bytes) else { continue }
                var back = Rows()
                var pauseCount = 0
                try decodeRows(
                    header, payload: bytes.span.extracting(payload), indexLimit: 1 << 32, into: &back.indices,
                    values: &back.values, pauseRowCount: pauseRowCount, pause: { pauseCount += 1 })
                #expect(back == rows)
                #expect(pauseCount <= count / pauseRowCount + 1)
                #expect(pauseCount >= count / pauseRowCount - 1)
            }
        }
    }

    @Test("a record stamped anew is the record made with that stamp")
    func stampedAnew() throws {
        let rows = Rows.random(count: 300, meanGap: 9, outliers: false, seed: 7)
        var record = delta(rows)
        try restamp(&record, .sample(to: 9999))
        #expect(record == FormatTests.record(.delta, .sample(to: 9999), rows))
        #expect(try readRows(record) == rows)
    }
}

@Suite("Gaps take few bytes")
struct CompactnessTests {
    @Test("with its value a scattered row takes at most 5.2 bytes at 1 % density, a dense one 4.2")
    func bytesPerRow() {
        var generator = SeededGenerator(seed: 1)
        let sparse = (0..<1 << 20 as Range<UInt32>).filter { _ in Int.random(in: 0..<100, using: &generator) == 0 }
        let values = [Float](repeating: 1, count: sparse.count)
        #expect(Double(delta(Rows(indices: sparse, values: values)).count) / Double(sparse.count) <= 5.2)

        let dense = Rows(indices: Array(1_000_000..<1_010_000), values: [Float](repeating: 1, count: 10_000))
        #expect(Double(delta(dense).count) / 10_000 <= 4.2)
    }

    @Test("one far row among dense ones costs bytes in proportion to the rows, not to the distance")
    func outlier() {
        let indices = Array(0..<10_000 as Range<UInt32>) + [.max]
        let bytes = delta(Rows(indices: indices, values: [Float](repeating: 1, count: indices.count)))
        #expect(bytes.count < indices.count * 8)
    }
}
