/// Appends the first `count` numbers as they lie in memory on the machines this runs on: little-endian.
package func appendLittleEndian(_ numbers: [Float], _ count: Int, to bytes: inout [UInt8]) {
    unsafe numbers.withUnsafeBytes { unsafe bytes.append(contentsOf: $0.prefix(4 * count)) }
}

package func appendLittleEndian(_ numbers: [Double], _ count: Int, to bytes: inout [UInt8]) {
    unsafe numbers.withUnsafeBytes { unsafe bytes.append(contentsOf: $0.prefix(8 * count)) }
}

/// Appends constant text without making a string of it.
package func appendUTF8(_ text: StaticString, to bytes: inout [UInt8]) {
    unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
}

extension RawSpan {
    /// Four bytes as a little-endian word.
    package func word32(at place: Int) -> UInt32 {
        unsafe UInt32(littleEndian: unsafeLoadUnaligned(fromByteOffset: place, as: UInt32.self))
    }

    package func contains(_ byte: UInt8) -> Bool {
        for place in 0..<byteCount where unsafe unsafeLoad(fromByteOffset: place, as: UInt8.self) == byte {
            return true
        }
        return false
    }
}

extension Span<UInt8> {
    package func contains(_ byte: UInt8) -> Bool {
        for place in indices where self[place] == byte { return true }
        return false
    }
}
