internal import CZstd

/// zstd (RFC 8878) by libzstd: one frame after the other.
@safe
struct ZstdDecoder: ~Copyable {
    /// Freed exactly once, in `deinit`.
    private let context: OpaquePointer

    init() throws(CompressionError) {
        guard let context = unsafe ZSTD_createDCtx() else { throw .outOfMemory }
        unsafe self.context = context
        let windowLog = Int32(Decompressor.windowByteCountMax.trailingZeroBitCount)
        precondition(
            unsafe ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLog)) == 0,
            "the library knows this limit")
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    /// Unpacks input from a byte on until the output is full or the input at its end.
    ///
    /// - Parameter isWhole: whether a frame ended where the input begins.
    func decode(
        _ input: RawSpan, from start: Int, into output: inout [UInt8], isWhole: Bool
    ) throws(CompressionError) -> DecodingStep {
        // At a frame's end without input the library would begin another.
        if isWhole && start == input.byteCount { return DecodingStep(readCount: 0, madeCount: 0, isWhole: true) }
        let context = unsafe context
        let (code, read, made) = unsafe input.withUnsafeBytes { input in
            unsafe output.withUnsafeMutableBytes { output in
                var from = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: start)
                var into = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
                let code = unsafe ZSTD_decompressStream(context, &into, &from)
                return unsafe (code, from.pos - start, into.pos)
            }
        }
        // 0 at a frame's end, else a hint of how much it wants next.
        guard ZSTD_isError(code) == 0 else {
            switch ZSTD_getErrorCode(code) {
            case ZSTD_error_memory_allocation: throw .outOfMemory
            case ZSTD_error_frameParameter_windowTooLarge: throw .windowTooLarge
            case ZSTD_error_prefix_unknown where isWhole: throw .trailing(.zstd)
            default: throw .corrupt(.zstd)
            }
        }
        return DecodingStep(readCount: read, madeCount: made, isWhole: code == 0)
    }
}
