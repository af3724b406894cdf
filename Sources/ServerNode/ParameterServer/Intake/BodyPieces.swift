internal import Compression
internal import Transport

/// A body's bytes on their way to the cutter: as they came, or unpacked a piece at a time, so that a small chunk that holds much costs
/// no more memory than the batch it becomes.
struct BodyPieces: ~Copyable {
    /// Chunks that the cutter has not seen: it moves what it holds with every batch it cuts, so it gets them one by one.
    private var chunks: ArraySlice<Bytes> = []
    /// The first byte of the first chunk that is not unpacked.
    private var place = 0
    /// Nil for a body that is not packed.
    private var decompressor: Decompressor?

    init(_ coding: ContentCoding?) throws(CompressionError) {
        guard let coding else { return }
        decompressor = try Decompressor(coding)
    }

    var isPacked: Bool { decompressor != nil }

    var isEmpty: Bool { chunks.isEmpty }

    mutating func append(_ chunk: Bytes) { chunks.append(chunk) }

    /// Hands over the next piece; false where none is here.
    mutating func next(_ take: (RawSpan) -> Void) throws(BatchCutter.Failure) -> Bool {
        guard let chunk = chunks.first else { return false }
        var hasMore = false
        if decompressor == nil {
            take(chunk.readableBytesSpan)
        } else {
            do throws(CompressionError) {
                hasMore = try decompressor?.decode(chunk.readableBytesSpan, from: &place, take) ?? false
            } catch { throw .unreadable(error.description) }
        }
        if !hasMore {
            chunks.removeFirst()
            place = 0
        }
        return true
    }

    /// No more comes.
    func finish() throws(BatchCutter.Failure) {
        do throws(CompressionError) { try decompressor?.finish() } catch { throw .unreadable(error.description) }
    }
}
