internal import CZlib
internal import CZstd
internal import Compression

/// Packs bytes with the libraries themselves.
func pack(_ bytes: [UInt8], _ coding: ContentCoding, level: Int32 = 6, windowLog: Int32? = nil) -> [UInt8] {
    switch coding {
    case .gzip:
        var stream = unsafe z_stream()
        // 15 is the largest window; 16 more means gzip.
        let started = unsafe deflateInit2_(
            &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(started == Z_OK, "zlib begins")
        defer { unsafe deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 1000)
        let count = unsafe input.withUnsafeMutableBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe stream.next_in = input.baseAddress
                unsafe stream.avail_in = UInt32(input.count)
                unsafe stream.next_out = output.baseAddress
                unsafe stream.avail_out = UInt32(output.count)
                precondition(unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib ends")
                return unsafe output.count - Int(stream.avail_out)
            }
        }
        return Array(output[..<count])
    case .zstd:
        guard let context = unsafe ZSTD_createCCtx() else { preconditionFailure("libzstd begins") }
        defer { unsafe ZSTD_freeCCtx(context) }
        unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        if let windowLog { unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, windowLog) }
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
        let count = unsafe output.withUnsafeMutableBytes { output in
            unsafe bytes.withUnsafeBytes { input in
                unsafe ZSTD_compress2(context, output.baseAddress, output.count, input.baseAddress, input.count)
            }
        }
        precondition(ZSTD_isError(count) == 0, "libzstd ends")
        return Array(output[..<count])
    }
}
