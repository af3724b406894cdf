#if _endian(big)
    #error("The row kernels copy little-endian values as they are")
#endif

extension RawSpan {
    /// The little-endian number at an offset, aligned or not.
    ///
    /// - Precondition: all its bytes are in the span.
    @inline(__always)
    func load<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type, at offset: Int) -> Number {
        unsafe Number(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}

extension MutableSpan<UInt8> {
    /// Writes a number, lowest byte first.
    ///
    /// - Precondition: all its bytes are in the span.
    @inline(__always)
    mutating func store<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
        var bytes = unsafe mutableBytes
        bytes.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
    }
}

/// Copies the values of rows into a payload.
///
/// - Precondition: `range` lies in `bytes` and has exactly four for each value.
func copyValues(_ values: Span<Float>, into bytes: inout MutableSpan<UInt8>, at range: Range<Int>) {
    precondition(range.count == values.count * 4, "the payload must have room for exactly these values")
    unsafe bytes.withUnsafeMutableBytes { bytes in
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[range])
        unsafe values.withUnsafeBufferPointer { source in
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(source))
        }
    }
}

/// Copies the values of rows out of a payload. Any bits are a value: NaN and infinities are the caller's to judge.
///
/// - Precondition: `bytes` has exactly four for each value.
func copyValues(_ bytes: RawSpan, into values: inout MutableSpan<Float>) {
    precondition(bytes.byteCount == values.count * 4, "the payload must have exactly these values")
    unsafe values.withUnsafeMutableBytes { target in
        unsafe bytes.withUnsafeBytes { source in
            unsafe target.copyMemory(from: source)
        }
    }
}
