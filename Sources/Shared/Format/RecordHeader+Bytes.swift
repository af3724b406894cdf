internal import Domain

/// Where each field stands; `docs/FORMAT.md` is the authority.
enum HeaderOffset {
    static let magic = 0
    static let formatVersion = 4
    static let kind = 6
    static let columns = 7
    static let payloadByteCount = 8
    static let rowCount = 12
    static let history = 16
    static let baseVersion = 24
    static let version = 32
    static let watermark = 40
    static let fingerprint = 48
    static let ownerIndex = 56
    static let ownerCount = 58
    static let riceParameter = 60
    static let reserved = 61..<64
    static let digest = 64
    static let digestFirst = 80
    static let digestEnd = 88
    static let firstIndex = 96
    static let reservedTail = 100..<104
    static let recordChecksum = 104
    static let headerChecksum = 108
}

/// "SLUI" as a little-endian number.
let recordMagic: UInt32 = 0x4955_4C53

extension RecordHeader {
    /// Writes all fields; the two checksums stay zero until `seal` has the payload as well.
    func write(into bytes: inout MutableSpan<UInt8>, at start: Int) {
        bytes.store(recordMagic, at: start + HeaderOffset.magic)
        bytes.store(Self.formatVersion, at: start + HeaderOffset.formatVersion)
        bytes.store(kind.rawValue, at: start + HeaderOffset.kind)
        bytes.store(columns.rawValue, at: start + HeaderOffset.columns)
        bytes.store(UInt32(payloadByteCount), at: start + HeaderOffset.payloadByteCount)
        bytes.store(UInt32(rowCount), at: start + HeaderOffset.rowCount)
        bytes.store(stamp.history.rawValue, at: start + HeaderOffset.history)
        bytes.store(stamp.baseVersion.rawValue, at: start + HeaderOffset.baseVersion)
        bytes.store(stamp.version.rawValue, at: start + HeaderOffset.version)
        bytes.store(stamp.watermarkMilliseconds, at: start + HeaderOffset.watermark)
        bytes.store(stamp.fingerprint.rawValue, at: start + HeaderOffset.fingerprint)
        bytes.store(stamp.ownerIndex, at: start + HeaderOffset.ownerIndex)
        bytes.store(stamp.ownerCount, at: start + HeaderOffset.ownerCount)
        bytes.store(riceParameter, at: start + HeaderOffset.riceParameter)
        bytes.store(stamp.digest?.digest.sum ?? 0, at: start + HeaderOffset.digest)
        bytes.store(stamp.digest?.indices.lowerBound ?? 0, at: start + HeaderOffset.digestFirst)
        bytes.store(stamp.digest?.indices.upperBound ?? 0, at: start + HeaderOffset.digestEnd)
        bytes.store(firstIndex, at: start + HeaderOffset.firstIndex)
    }

    /// Reads a header whose magic, version and checksum were found right.
    ///
    /// - Parameter bytes: at least `byteCount` bytes.
    /// - Throws: `unsupported` for a kind or columns this program does not know, `tooLarge` above `FormatLimits`,
    ///   `corrupt` when the fields contradict each other.
    init(checked bytes: RawSpan) throws(FormatError) {
        let kindByte = bytes.load(UInt8.self, at: HeaderOffset.kind)
        let columnsByte = bytes.load(UInt8.self, at: HeaderOffset.columns)
        guard let kind = RecordKind(rawValue: kindByte) else { throw .unsupported(what: "record kind \(kindByte)") }
        guard let columns = RecordColumns(rawValue: columnsByte) else {
            throw .unsupported(what: "columns \(columnsByte)")
        }
        let payloadByteCount = Int(bytes.load(UInt32.self, at: HeaderOffset.payloadByteCount))
        let rowCount = Int(bytes.load(UInt32.self, at: HeaderOffset.rowCount))
        try Self.checkLimit("bytes of payload", payloadByteCount, FormatLimits.payloadByteCountMax)
        if kind == .spec { try Self.checkLimit("bytes of spec", payloadByteCount, FormatLimits.specByteCountMax) }
        try Self.checkLimit("rows", rowCount, FormatLimits.rowCountMax)
        for offset in [HeaderOffset.reserved, HeaderOffset.reservedTail].joined() {
            guard bytes.load(UInt8.self, at: offset) == 0 else { throw .corrupt(what: "a reserved byte is not zero") }
        }
        self.init(
            kind: kind, columns: columns, payloadByteCount: payloadByteCount, rowCount: rowCount,
            firstIndex: bytes.load(UInt32.self, at: HeaderOffset.firstIndex),
            riceParameter: bytes.load(UInt8.self, at: HeaderOffset.riceParameter),
            stamp: RecordStamp(
                history: History(bytes.load(UInt64.self, at: HeaderOffset.history)),
                baseVersion: Version(bytes.load(UInt64.self, at: HeaderOffset.baseVersion)),
                version: Version(bytes.load(UInt64.self, at: HeaderOffset.version)),
                watermarkMilliseconds: bytes.load(UInt64.self, at: HeaderOffset.watermark),
                fingerprint: Fingerprint(bytes.load(UInt64.self, at: HeaderOffset.fingerprint)),
                ownerIndex: bytes.load(UInt16.self, at: HeaderOffset.ownerIndex),
                ownerCount: bytes.load(UInt16.self, at: HeaderOffset.ownerCount),
                digest: try Self.rangeDigest(bytes)))
        if let contradiction { throw .corrupt(what: contradiction) }
    }

    /// What makes the header impossible, or nil. The writer insists on nil, the reader refuses the rest.
    var contradiction: String? {
        if stamp.ownerIndex >= stamp.ownerCount { return "its owner is not one of the owners" }
        if stamp.baseVersion > stamp.version { return "its base version is above its version" }
        if kind == .delta && stamp.baseVersion == stamp.version { return "a delta leads nowhere" }
        if let range = stamp.digest?.indices, range.isEmpty || range.upperBound > FormatLimits.indexLimitMax {
            return "its digest range is empty or ends above 2^32"
        }
        return kind.carriesRows ? rowContradiction : plainContradiction
    }

    private var rowContradiction: String? {
        if columns == .none { return "rows without columns" }
        if riceParameter > FormatLimits.riceParameterMax { return "its Rice parameter is above 31" }
        if gapByteCount < 0 || gapByteCount % 8 != 0 { return "its payload does not fit its row count" }
        let gapCount = max(0, rowCount - 1)
        // A gap takes at least its low bits and the one that ends its quotient.
        if gapByteCount * 8 < gapCount * (Int(riceParameter) + 1) { return "its payload is too short for its rows" }
        if gapCount == 0 && gapByteCount + Int(riceParameter) != 0 { return "gaps without rows to stand between" }
        if rowCount == 0 && firstIndex != 0 { return "a first index without rows" }
        return nil
    }

    private var plainContradiction: String? {
        if columns != .none || rowCount != 0 || firstIndex != 0 || riceParameter != 0 {
            return "row fields in a record without rows"
        }
        return kind != .spec && payloadByteCount != 0 ? "a payload where none belongs" : nil
    }

    private static func checkLimit(_ what: String, _ count: Int, _ limit: Int) throws(FormatError) {
        guard count <= limit else { throw .tooLarge(what: what, count: UInt64(count), limit: UInt64(limit)) }
    }

    private static func rangeDigest(_ bytes: RawSpan) throws(FormatError) -> RangeDigest? {
        let sum = bytes.load(UInt128.self, at: HeaderOffset.digest)
        let first = bytes.load(UInt64.self, at: HeaderOffset.digestFirst)
        let end = bytes.load(UInt64.self, at: HeaderOffset.digestEnd)
        if first == 0 && end == 0 {
            guard sum == 0 else { throw .corrupt(what: "a digest without a range") }
            return nil
        }
        guard first < end else { throw .corrupt(what: "its digest range is empty or ends above 2^32") }
        return RangeDigest(indices: first..<end, digest: WeightDigest(sum: sum))
    }
}
