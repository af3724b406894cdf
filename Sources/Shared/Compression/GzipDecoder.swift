internal import CZlib

/// gzip (RFC 1952) by zlib: one member after the other.
@safe
struct GzipDecoder: ~Copyable {
    /// Freed exactly once, in `deinit`.
    private let stream: UnsafeMutablePointer<z_stream>

    init() throws(CompressionError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // Z_OK, or Z_MEM_ERROR; Z_VERSION_ERROR and Z_STREAM_ERROR are for another library than this was built with.
        guard unsafe sluice_inflate_init_gzip(stream) == Z_OK else { throw .outOfMemory }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Unpacks input from a byte on until the output is full or the input at its end.
    ///
    /// - Parameter isWhole: whether a member ended where the input begins.
    func decode(
        _ input: RawSpan, from start: Int, into output: inout [UInt8], isWhole: Bool
    ) throws(CompressionError) -> DecodingStep {
        if isWhole && start < input.byteCount {
            // Z_STREAM_ERROR is for a stream that is none.
            guard unsafe inflateReset(stream) == Z_OK else { throw .corrupt(.gzip) }
        }
        let (stream, capacity) = unsafe (stream, output.count)
        let (code, read, made) = unsafe input.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                let rest = UInt32(clamping: input.count - start)
                // zlib does not write where it says `next_in`.
                let first = unsafe input.baseAddress?.advanced(by: start).assumingMemoryBound(to: UInt8.self)
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: first)
                unsafe stream.pointee.avail_in = rest
                unsafe stream.pointee.next_out = output.baseAddress
                unsafe stream.pointee.avail_out = UInt32(capacity)
                let code = unsafe inflate(stream, Z_NO_FLUSH)
                return unsafe (
                    code, Int(rest - stream.pointee.avail_in), capacity - Int(stream.pointee.avail_out)
                )
            }
        }
        switch code {
        case Z_STREAM_END: return DecodingStep(readCount: read, madeCount: made, isWhole: true)
        // Z_BUF_ERROR: nothing could be done, as there was no input.
        case Z_OK, Z_BUF_ERROR:
            return DecodingStep(readCount: read, madeCount: made, isWhole: isWhole && read == 0)
        case Z_MEM_ERROR: throw .outOfMemory
        // Z_DATA_ERROR, Z_NEED_DICT, Z_STREAM_ERROR.
        default: throw isWhole ? .trailing(.gzip) : .corrupt(.gzip)
        }
    }
}
