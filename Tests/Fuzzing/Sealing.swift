internal import Format
internal import Journal

/// Makes checksums hold, so that what stands behind them is reached.
func sealRecords(_ bytes: inout [UInt8]) {
    var at = 0
    while at + 112 <= bytes.count {
        store(0x4955_4C53, in: &bytes, at: at)
        (bytes[at + 4], bytes[at + 5]) = (
            UInt8(RecordHeader.formatVersion & 0xFF), UInt8(RecordHeader.formatVersion >> 8)
        )
        let payloadByteCount = min(Int(load(bytes, at + 8)), bytes.count - at - 112)
        store(UInt32(payloadByteCount), in: &bytes, at: at + 8)
        var sum = CRC32C()
        sum.add(bytes.span.extracting(at..<at + 104))
        var whole = sum
        whole.add(bytes.span.extracting(at + 112..<at + 112 + payloadByteCount))
        store(whole.value, in: &bytes, at: at + 104)
        sum.add(whole.value)
        store(sum.value, in: &bytes, at: at + 108)
        at += 112 + payloadByteCount
    }
}

func sealMessages(_ bytes: inout [UInt8]) {
    var at = 0
    while at + 24 <= bytes.count {
        let byteCount = max(24, min(Int(load(bytes, at)), bytes.count - at))
        store(UInt32(byteCount), in: &bytes, at: at)
        (bytes[at + 5], bytes[at + 6], bytes[at + 7]) = (3, 0, 0)
        var sum = CRC32C()
        sum.add(bytes.span.extracting(at..<at + 20))
        sum.add(bytes.span.extracting(at + 24..<at + byteCount))
        store(sum.value, in: &bytes, at: at + 20)
        at += byteCount
    }
}

private func load(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
}

private func store(_ number: UInt32, in bytes: inout [UInt8], at place: Int) {
    for k in 0..<4 { bytes[place + k] = UInt8(truncatingIfNeeded: number >> UInt32(8 * k)) }
}

/// A disk with one segment.
final class MemoryDisk: JournalDisk {
    private let bytes: [UInt8]

    init(segment bytes: [UInt8]) { self.bytes = bytes }

    func segments() -> [UInt64] { [1] }
    func read(_ segment: UInt64) -> [UInt8] { bytes }
    func read(_ segment: UInt64, _ range: Range<Int>) -> [UInt8] { Array(bytes[range]) }
    func make(_ segment: UInt64, from old: UInt64?, byteCount: Int) {}
    func write(_ bytes: [UInt8], to segment: UInt64, at offset: Int) {}
    func sync(_ segment: UInt64) {}
    func remove(_ segment: UInt64) {}
    func keepAside(_ bytes: [UInt8], as name: String) -> String { name }
    func path(of segment: UInt64) -> String { "segment \(segment)" }
}
