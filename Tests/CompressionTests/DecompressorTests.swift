internal import Compression
internal import Testing

/// Unpacks what comes in pieces, to the end.
private func unpack(
    _ packed: [UInt8], _ coding: ContentCoding, pieceByteCount: Int = .max
) throws -> (bytes: [UInt8], largestPiece: Int) {
    var decompressor = try Decompressor(coding)
    var bytes: [UInt8] = []
    var largest = 0
    var start = 0
    while start < packed.count {
        let piece = Array(packed[start..<min(packed.count, start + min(pieceByteCount, packed.count))])
        start += piece.count
        var at = 0
        var hasMore = true
        while hasMore {
            hasMore = try decompressor.decode(piece, first: piece.count, from: &at) { span in
                largest = max(largest, span.byteCount)
                for k in 0..<span.byteCount { bytes.append(unsafe span.unsafeLoad(fromByteOffset: k, as: UInt8.self)) }
            }
        }
    }
    try decompressor.finish()
    return (bytes, largest)
}

private func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 88_172_645_463_325_252
    return (0..<count).map { k in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return k % 3 == 0 ? UInt8(truncatingIfNeeded: state) : UInt8(ascii: "a")
    }
}

@Suite("What was packed comes out as it was, or an error says why not")
struct DecompressorTests {
    @Test("any size, however it comes", arguments: ContentCoding.allCases)
    func roundTrip(coding: ContentCoding) throws {
        for count in [0, 1, 100, 65535, 65536, 65537, 131072] {
            let bytes = noise(count)
            let packed = pack(bytes, coding)
            for piece in [packed.count, 7] where piece > 0 {
                #expect(try unpack(packed, coding, pieceByteCount: piece).bytes == bytes, "\(count) in \(piece)")
            }
        }
    }

    @Test("several behind each other are one", arguments: ContentCoding.allCases)
    func several(coding: ContentCoding) throws {
        let parts = [noise(1000), noise(0), noise(70000)]
        let packed = parts.flatMap { pack($0, coding) }
        for piece in [packed.count, 1] {
            #expect(try unpack(packed, coding, pieceByteCount: piece).bytes == Array(parts.joined()))
        }
    }

    @Test("one that ends in the middle says so, wherever", arguments: ContentCoding.allCases)
    func truncated(coding: ContentCoding) {
        let packed = pack(noise(500), coding)
        for count in [0, 1, 3, 10, packed.count / 2, packed.count - 1] {
            #expect(throws: CompressionError.truncated(coding)) { try unpack(Array(packed[..<count]), coding) }
        }
    }

    @Test("something behind it says so", arguments: ContentCoding.allCases)
    func trailing(coding: ContentCoding) {
        let packed = pack(noise(500), coding) + Array("1 |a more\n".utf8)
        #expect(throws: CompressionError.trailing(coding)) { try unpack(packed, coding) }
        #expect(throws: CompressionError.self) { try unpack(packed, coding, pieceByteCount: 1) }
    }

    @Test("what is something else, or damaged, says so", arguments: ContentCoding.allCases)
    func corrupt(coding: ContentCoding) {
        #expect(throws: CompressionError.corrupt(coding)) { try unpack(Array("1 |a plain text\n".utf8), coding) }
        let packed = pack(noise(5000), coding)
        for place in stride(from: 12, to: packed.count, by: packed.count / 9) {
            var damaged = packed
            damaged[place] ^= 0x55
            // zstd has no checksum unless its writer asks for one: then it may come out as something else.
            let unpacked = try? unpack(damaged, coding).bytes
            #expect(unpacked != noise(5000), "byte \(place)")
        }
    }

    @Test("a little that holds much comes out in small pieces", arguments: ContentCoding.allCases)
    func bomb(coding: ContentCoding) throws {
        let packed = pack([UInt8](repeating: 0x0A, count: 4 << 20), coding, level: 9)
        #expect(packed.count < 8000)
        let (bytes, largest) = try unpack(packed, coding)
        #expect(bytes.count == 4 << 20)
        #expect(largest <= Decompressor.pieceByteCount)
    }

    @Test("a window larger than a batch is not made")
    func window() {
        let packed = pack(noise(9 << 20), .zstd, level: 1, windowLog: 24)
        #expect(throws: CompressionError.windowTooLarge) { try unpack(packed, .zstd) }
    }

    @Test("a file's first bytes tell how it is packed")
    func firstBytes() {
        for coding in ContentCoding.allCases { #expect(ContentCoding(firstBytes: pack([1], coding)) == coding) }
        for text in ["", "1", "1 |a x", "\u{1F}"] { #expect(ContentCoding(firstBytes: text.utf8) == nil) }
    }
}
