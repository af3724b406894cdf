import Format
import Testing

@Suite("A content digest is XXH64, however the bytes come")
struct ContentDigestTests {
    /// Made with Python's xxhash: xxh64(bytes((i * 7 + 3) % 256 for i in range(n))).
    static let known: [(count: Int, digest: UInt64)] = [
        (0, 0xef46_db37_51d8_e999), (1, 0x1f25_c8d0_bc1f_4bb6), (3, 0x31d2_363f_52e5_64c9), (4, 0x9bb6_4b7d_66ee_9fda),
        (7, 0x9a7b_1499_59ce_60d8), (8, 0xdab9_9d95_c6f9_0092), (31, 0xa2aa_5f33_cc4a_6119),
        (32, 0x23c3_c17e_f790_fd97), (33, 0x50a7_cfc7_ba58_8784), (63, 0x5e3e_54b4_31c7_493c),
        (64, 0x0eb6_4b3e_f6ee_b01f), (100, 0xa61f_8d4c_170f_e531), (1000, 0x5f23_5fa0_33f1_a3fb),
    ]

    @Test("published values", arguments: known)
    func values(count: Int, digest: UInt64) {
        var whole = ContentDigest()
        whole.add(bytes(count), first: count)
        #expect(whole.value == digest)
    }

    @Test("pieces of every size give the value of the whole", arguments: 1..<70)
    func pieces(size: Int) {
        var digest = ContentDigest()
        let text = bytes(1000)
        for start in stride(from: 0, to: text.count, by: size) {
            let piece = Array(text[start..<min(start + size, text.count)])
            digest.add(piece, first: piece.count)
        }
        #expect(digest.value == 0x5f23_5fa0_33f1_a3fb)
    }

    private func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) } }
}
