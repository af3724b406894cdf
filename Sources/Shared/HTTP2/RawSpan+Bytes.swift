internal import Glibc

/// Byte access which `RawSpan` does not offer in a checked form. Here because this module may write `unsafe`.
extension RawSpan {
    /// The byte at a position. - Precondition: the position is inside.
    @inlinable
    package func byte(at position: Int) -> UInt8 {
        precondition(position >= 0 && position < byteCount, "a byte position lies outside its span")
        return unsafe unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
    }

    /// Whether both spans hold the same bytes.
    package func hasSameBytes(as other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        return unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { theirs in
                guard let left = mine.baseAddress, let right = theirs.baseAddress else { return true }
                return unsafe memcmp(left, right, mine.count) == 0
            }
        }
    }

    /// Whether an array holds the same bytes.
    package func hasSameBytes(as other: [UInt8]) -> Bool {
        unsafe other.withUnsafeBytes { hasSameBytes(as: unsafe RawSpan(_unsafeBytes: $0)) }
    }

    /// Whether the bytes are exactly this text.
    package func equals(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard byteCount == count else { return false }
        return unsafe withUnsafeBytes { mine in
            guard let left = mine.baseAddress else { return true }
            return unsafe memcmp(left, text.utf8Start, count) == 0
        }
    }

    /// The bytes as text; what is not UTF-8 is replaced. Allocates: not for hot paths.
    package var text: String {
        unsafe withUnsafeBytes { bytes in unsafe String(decoding: bytes, as: UTF8.self) }
    }

    /// As `text`, nil where the bytes are not UTF-8.
    package var validText: String? {
        unsafe withUnsafeBytes { bytes in unsafe String(validating: bytes, as: UTF8.self) }
    }
}
