internal import Format
internal import Testing

/// A change to a record's header, and what must come of it.
struct Forgery: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var change: @Sendable (inout [UInt8]) -> Void

    init(_ name: String, _ change: @escaping @Sendable (inout [UInt8]) -> Void) {
        testDescription = name
        self.change = change
    }
}

@Suite("A record whose checksums hold and whose content lies is refused")
struct HostileTests {
    static let rows = Rows(indices: [3, 4, 9, 100, 1000], values: [1, 2, 3, 4, 5])

    /// One word of gaps, k = 7, five values.
    static let record = delta(rows)

    static func error(_ change: (inout [UInt8]) -> Void) -> FormatError? {
        #expect(throws: FormatError.self) { try readRows(forged(record, change)) }
    }

    @Test("the forger's tool alone changes nothing")
    func unchanged() throws {
        #expect(try readRows(forged(Self.record) { _ in }) == Self.rows)
    }

    @Test("lengths above the limits are refused by the header alone")
    func lengths() {
        let header = Array(Self.record[..<112])
        for (offset, limit) in [(8, (64 << 20) - 112), (12, 1 << 23)] {
            for count in [UInt32(limit) + 1, .max] {
                let bytes = forged(header) { $0.put(count, at: offset) }
                guard
                    case .tooLarge(_, UInt64(count), UInt64(limit)) = #expect(
                        throws: FormatError.self, performing: { try firstStep(bytes) })
                else {
                    Issue.record("\(count) at \(offset) was not called too large")
                    continue
                }
            }
        }
        let spec = forged(header) {
            $0[6] = 1
            $0.put(UInt32(1 << 20) + 1, at: 8)
        }
        #expect(throws: FormatError.tooLarge(what: "bytes of spec", count: 1 << 20 + 1, limit: 1 << 20)) {
            try firstStep(spec)
        }
    }

    @Test("what a newer program may write is unsupported, not corrupt")
    func unsupported() {
        #expect(Self.error { $0[7] = 4 } == .unsupported(what: "columns 4"))
        #expect(Self.error { $0[6] = 7 } == .unsupported(what: "record kind 7"))
        #expect(Self.error { $0[6] = 0 } == .unsupported(what: "record kind 0"))
    }

    @Test("fields that contradict each other are corrupt, before the payload is there", arguments: contradictions)
    func contradiction(forgery: Forgery) {
        let header = forged(Array(Self.record[..<112]), forgery.change)
        guard case .corrupt = #expect(throws: FormatError.self, performing: { try firstStep(header) }) else {
            Issue.record("not called corrupt")
            return
        }
    }

    static let contradictions = [
        Forgery("reserved byte 61") { $0[61] = 1 },
        Forgery("reserved byte 63") { $0[63] = 1 },
        Forgery("reserved byte 100") { $0[100] = 1 },
        Forgery("reserved byte 103") { $0[103] = 0x80 },
        Forgery("owner 2 of 2") { $0.put(UInt16(2), at: 56) },
        Forgery("no owners") { $0.put(UInt32(0), at: 56) },
        Forgery("base above version") { $0.put(UInt64(2000), at: 24) },
        Forgery("a delta that leads nowhere") { $0.put(UInt64(1512), at: 24) },
        Forgery("a digest without range") { $0[64] = 1 },
        Forgery("an empty digest range") { $0.put(UInt64(1), at: 80) },
        Forgery("a digest range above 2^32") { $0.put((UInt64(1) << 32) + 1, at: 88) },
        Forgery("k = 32") { $0[60] = 32 },
        Forgery("k that leaves the gaps too short") { $0[60] = 31 },
        Forgery("no columns for rows") { $0[7] = 0 },
        Forgery("rows in a heartbeat") { $0[6] = 6 },
        Forgery("a payload in a heartbeat") {
            $0[6] = 6
            $0[7] = 0
            $0[60] = 0
            $0.put(UInt32(0), at: 12)
            $0.put(UInt32(0), at: 96)
        },
        Forgery("more rows than values") { $0.put(UInt32(8), at: 12) },
        Forgery("gaps that are not whole words") { $0.put(UInt32(4), at: 12) },
        Forgery("gaps without rows") {
            $0.put(UInt32(0), at: 12)
            $0.put(UInt32(0), at: 96)
        },
    ]

    @Test("gaps that end before the rows, or rows before the gaps, are corrupt")
    func wrongBits() {
        #expect(Self.error { $0.put(UInt64(0), at: 112) } == .corrupt(what: "its gaps end before its rows"))
        #expect(Self.error { $0.put(UInt64(1) << 63, at: 112) } == .corrupt(what: "its gaps end before its rows"))
        #expect(Self.error { $0[119] = 0x80 } == .corrupt(what: "bits behind its gaps"))
        let spareWord = forged(Self.record) {
            $0.insert(contentsOf: [UInt8](repeating: 0, count: 8), at: 120)
            $0.put(UInt32($0.count - 112), at: 8)
        }
        #expect(throws: FormatError.corrupt(what: "bytes behind its gaps")) { try readRows(spareWord) }
    }

    @Test("an index at the model's limit is another model's, and no row is handed out")
    func outsideModel() throws {
        #expect(try readRows(Self.record, indexLimit: 1001) == Self.rows)
        #expect(throws: FormatError.outsideModel(index: 1000, indexLimit: 1000)) {
            try readRows(Self.record, indexLimit: 1000)
        }
        let past = FormatError.outsideModel(index: UInt64(UInt32.max) + 997, indexLimit: 1 << 32)
        #expect(Self.error { $0.put(UInt32.max, at: 96) } == past)

        var rows = Rows(indices: [1], values: [1])
        guard case .record(let header, let payload) = try firstStep(Self.record) else { return }
        #expect(throws: FormatError.self) {
            try decodeRows(
                header, payload: Self.record.span.extracting(payload), indexLimit: 10, into: &rows.indices,
                values: &rows.values)
        }
        #expect(rows == Rows())
    }

    @Test("a spec that is not UTF-8 is corrupt")
    func badText() throws {
        var bytes: [UInt8] = []
        appendSpec("abc", stamp: .sample, to: &bytes)
        let bad = forged(bytes) { $0[113] = 0xFF }
        guard case .record(let header, let payload) = try firstStep(bad) else { return }
        #expect(throws: FormatError.corrupt(what: "its spec is not UTF-8")) {
            try decodeSpec(header, payload: bad.span.extracting(payload))
        }
    }
}
