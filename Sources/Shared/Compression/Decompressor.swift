/// Unpacks a stream piece by piece, in bounded memory: its caller decides when the next piece is made.
package struct Decompressor: ~Copyable {
    /// Bytes of what was unpacked that the packed bytes may refer to: as much as a batch has. zstd's levels up to 19 want no more.
    package static let windowByteCountMax = 8 << 20
    /// Bytes unpacked at a time.
    package static let pieceByteCount = 64 << 10

    enum Decoder: ~Copyable {
        case gzip(GzipDecoder)
        case zstd(ZstdDecoder)
    }

    private let coding: ContentCoding
    private let decoder: Decoder
    private var piece = [UInt8](repeating: 0, count: pieceByteCount)
    /// What was read holds something, and nothing that was begun has not ended.
    private var isWhole = false

    /// - Throws: `outOfMemory`.
    package init(_ coding: ContentCoding) throws(CompressionError) {
        self.coding = coding
        switch coding {
        case .gzip: decoder = .gzip(try GzipDecoder())
        case .zstd: decoder = .zstd(try ZstdDecoder())
        }
    }

    /// Unpacks one piece.
    ///
    /// - Parameters:
    ///   - at: the first byte of the input that was not read; moved on.
    ///   - take: called once with what was unpacked, at most `pieceByteCount` bytes; not where that is nothing.
    /// - Returns: whether the same input may have more: then it is to be given again.
    package mutating func decode(
        _ input: RawSpan, from at: inout Int, _ take: (RawSpan) -> Void
    ) throws(CompressionError) -> Bool {
        let step =
            switch decoder {
            case .gzip(let gzip): try gzip.decode(input, from: at, into: &piece, isWhole: isWhole)
            case .zstd(let zstd): try zstd.decode(input, from: at, into: &piece, isWhole: isWhole)
            }
        at += step.readCount
        isWhole = step.isWhole
        if step.madeCount > 0 { unsafe take(piece.span.bytes.extracting(first: step.madeCount)) }
        // A full piece may have left something inside the decoder.
        return at < input.byteCount || step.madeCount == piece.count
    }

    /// The same, of the first `count` bytes of an array.
    package mutating func decode(
        _ input: [UInt8], first count: Int, from at: inout Int, _ take: (RawSpan) -> Void
    ) throws(CompressionError) -> Bool {
        unsafe try decode(input.span.bytes.extracting(first: count), from: &at, take)
    }

    /// - Throws: `truncated` when what was read ends before what it holds does.
    package func finish() throws(CompressionError) {
        guard isWhole else { throw .truncated(coding) }
    }
}

/// What a decoder did with a piece of input.
struct DecodingStep {
    var readCount: Int
    var madeCount: Int
    /// Whether a member or frame has ended, and no other has begun.
    var isWhole: Bool
}
