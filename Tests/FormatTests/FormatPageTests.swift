internal import Domain
internal import Format
internal import TestSupport
internal import Testing

@Suite("The bytes are those of docs/FORMAT.md")
struct FormatPageTests {
    static let deltaRows = Rows(indices: [3, 4, 9, 100, 1000], values: [0.5, -0.25, 1, 0, 3])
    static let chunkRows = Rows(indices: Array(8..<16), values: (8..<16).map { Float($0) / 4 })
    let page: FormatPage

    init() throws {
        page = try FormatPage()
    }

    @Test("spec")
    func spec() throws {
        var bytes: [UInt8] = []
        appendSpec("name: clicks\nbits: 12\n", stamp: .sample, to: &bytes)
        #expect(try bytes == page.bytes(of: "spec"))
    }

    @Test(
        "records without payload",
        arguments: [("copyBegin", RecordKind.copyBegin), ("copyEnd", .copyEnd), ("heartbeat", .heartbeat)])
    func marks(name: String, kind: RecordKind) throws {
        var bytes: [UInt8] = []
        appendMark(kind, stamp: .sample, to: &bytes)
        #expect(try bytes == page.bytes(of: name))
    }

    @Test("delta with a digest")
    func deltaRecord() throws {
        var digest = WeightDigest()
        for (index, value) in zip(Self.deltaRows.indices, Self.deltaRows.values) {
            digest.add(index: UInt64(index), weight: value)
        }
        #expect(page.text.contains("The digest is \(digest);"))
        let stamp = RecordStamp.sample(to: 1512, digest: RangeDigest(indices: 0..<4096, digest: digest))
        #expect(try record(.delta, stamp, Self.deltaRows) == page.bytes(of: "delta"))
        #expect(try readRows(page.bytes(of: "delta")) == Self.deltaRows)
    }

    @Test("chunk")
    func chunk() throws {
        #expect(try record(.chunk, .sample, Self.chunkRows) == page.bytes(of: "chunk"))
        #expect(try readRows(page.bytes(of: "chunk")) == Self.chunkRows)
    }

    @Test("the limits are those the page gives")
    func limits() {
        #expect(FormatLimits.recordByteCountMax == 67_108_864 && page.text.contains("67 108 864 (64 MiB)"))
        #expect(FormatLimits.rowCountMax == 8_388_608 && page.text.contains("8 388 608 (2^23)"))
        #expect(FormatLimits.specByteCountMax == 1_048_576 && page.text.contains("1 048 576 (1 MiB)"))
        #expect(FormatLimits.riceParameterMax == 31)
        #expect(RecordHeader.byteCount == 112 && page.text.contains("112 bytes, each field aligned"))
    }
}
