internal import Format
internal import TestSupport
internal import Testing

@Suite("Damaged bytes never become a record")
struct DamageTests {
    static let record = delta(Rows.random(count: 5, meanGap: 30, outliers: false, seed: 8))

    @Test("any one bit flipped is refused", arguments: 0..<record.count)
    func flippedBit(offset: Int) {
        for bit in 0..<8 {
            var damaged = Self.record
            damaged[offset] ^= 1 << UInt8(bit)
            #expect(throws: FormatError.self, "bit \(bit)") { try firstStep(damaged) }
        }
    }

    @Test("a flipped bit of the header is found before the payload is there", arguments: 0..<112)
    func flippedHeaderBit(offset: Int) {
        var damaged = Array(Self.record[..<112])
        damaged[offset] ^= 0x10
        #expect(throws: FormatError.self) { try firstStep(damaged) }
    }

    @Test("another program's bytes are refused by their first, and the error says where")
    func otherBytes() throws {
        #expect(throws: FormatError.notARecord(offset: 0)) { try firstStep(Array("<html>".utf8)) }
        #expect(throws: FormatError.notARecord(offset: 0)) { try firstStep(Array("SLUG".utf8)) }
        var reader = RecordReader()
        _ = try reader.read(Self.record.span)
        let after = FormatError.notARecord(offset: UInt64(Self.record.count))
        #expect(throws: after) { try reader.read([0x20].span) }
    }

    @Test("another version is refused by its first six bytes")
    func otherVersion() {
        #expect(throws: FormatError.unsupportedVersion(2)) { try firstStep(Array("SLUI\u{2}\u{0}".utf8)) }
    }

    @Test("bytes of any content never trap", arguments: 1...200 as ClosedRange<UInt64>)
    func noise(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bytes = (0..<400).map { _ in UInt8.random(in: 0...255, using: &generator) }
        bytes.replaceSubrange(0..<6, with: Self.record[..<6])
        #expect(throws: FormatError.self) { try firstStep(bytes) }
    }

    @Test("errors are sentences that name the number")
    func sentences() {
        #expect(FormatError.notARecord(offset: 7).description == "No Sluice record begins at byte 7.")
        let error = FormatError.outsideModel(index: 9, indexLimit: 8)
        #expect(error.description == "The record has a row with index 9; the model's indices end at 8.")
    }
}
