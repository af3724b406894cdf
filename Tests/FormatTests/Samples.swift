internal import Domain
internal import Format
internal import TestSupport

/// Rows as a test holds them.
struct Rows: Equatable {
    var indices: [UInt32] = []
    var values: [Float] = []

    /// Rows with gaps of the given mean, some of them far longer, and values of any bits but NaN's.
    static func random(count: Int, meanGap: UInt64, outliers: Bool, seed: UInt64) -> Rows {
        var generator = SeededGenerator(seed: seed)
        var rows = Rows()
        var index = UInt64.random(in: 0...meanGap, using: &generator)
        for _ in 0..<count {
            guard index <= UInt32.max else { break }
            rows.indices.append(UInt32(index))
            let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
            rows.values.append(value.isNaN ? 0 : value)
            let scale: UInt64 = outliers && Int.random(in: 0..<50, using: &generator) == 0 ? 1000 : 1
            index += 1 + UInt64.random(in: 0...2 * meanGap * scale, using: &generator)
        }
        return rows
    }
}

extension RecordStamp {
    /// The stamp of the page's examples.
    static let sample = RecordStamp(
        history: History(0x0123_4567_89AB_CDEF), baseVersion: Version(1000), version: Version(1000),
        watermarkMilliseconds: 1_700_000_000_000, fingerprint: Fingerprint(0xFEDC_BA98_7654_3210), ownerIndex: 1,
        ownerCount: 2)

    static func sample(to version: UInt64, digest: RangeDigest? = nil) -> RecordStamp {
        var stamp = sample
        stamp.version = Version(version)
        stamp.digest = digest
        return stamp
    }
}

/// A record of rows.
func record(_ kind: RecordKind, _ stamp: RecordStamp, _ rows: Rows) -> [UInt8] {
    var bytes: [UInt8] = []
    appendRows(kind, stamp: stamp, indices: rows.indices.span, values: rows.values.span, to: &bytes)
    return bytes
}

/// A delta from 1000 to 1512.
func delta(_ rows: Rows) -> [UInt8] {
    record(.delta, .sample(to: 1512), rows)
}

/// What a fresh reader says to these bytes.
func firstStep(_ bytes: [UInt8]) throws(FormatError) -> RecordReader.Step {
    var reader = RecordReader()
    return try reader.read(bytes.span)
}

/// Reads one record of rows, to the end of the bytes.
func readRows(_ bytes: [UInt8], indexLimit: UInt64 = 1 << 32) throws(FormatError) -> Rows? {
    guard case .record(let header, let payload) = try firstStep(bytes) else { return nil }
    var rows = Rows()
    try decodeRows(
        header, payload: bytes.span.extracting(payload), indexLimit: indexLimit, into: &rows.indices,
        values: &rows.values)
    return rows
}

/// The bytes with other fields and checksums that hold: what a hostile peer can send.
func forged(_ record: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = record
    change(&bytes)
    seal(&bytes, checksumOffset: 104, covering: Array(bytes[..<104] + bytes[112...]))
    seal(&bytes, checksumOffset: 108, covering: Array(bytes[..<108]))
    return bytes
}

private func seal(_ bytes: inout [UInt8], checksumOffset: Int, covering covered: [UInt8]) {
    let checksum = CRC32C.portable(covered.span)
    for place in 0..<4 { bytes[checksumOffset + place] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * place)) }
}

extension [UInt8] {
    mutating func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        for place in 0..<Number.bitWidth / 8 {
            self[offset + place] = UInt8(truncatingIfNeeded: number >> Number(8 * place))
        }
    }
}
