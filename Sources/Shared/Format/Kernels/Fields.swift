/// Appends fields of a message, lowest byte first.
package struct FieldWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func put<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
        let start = grow(by: MemoryLayout<Number>.size)
        var target = bytes.mutableSpan
        target.store(number, at: start)
    }

    /// The first numbers of an array, one behind the other, without a count.
    package mutating func put<Number: BitwiseCopyable>(_ numbers: [Number], first count: Int) {
        put(numbers, 0..<count)
    }

    /// As above, those of `range`.
    package mutating func put<Number: BitwiseCopyable>(_ numbers: [Number], _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= numbers.count, "as many numbers as there are")
        let stride = MemoryLayout<Number>.stride
        let bytesOfRange = range.lowerBound * stride..<range.upperBound * stride
        let byteCount = bytesOfRange.count
        let start = grow(by: byteCount)
        unsafe bytes.withUnsafeMutableBytes { target in
            unsafe numbers.withUnsafeBytes { source in
                let part = unsafe UnsafeMutableRawBufferPointer(rebasing: target[start...])
                unsafe part.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[bytesOfRange]))
            }
        }
    }

    /// UTF-8 behind its byte count, u32.
    package mutating func put(_ text: String) {
        put(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// Overwrites a number that was put before.
    package mutating func replace<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
        var target = bytes.mutableSpan
        target.store(number, at: offset)
    }

    private mutating func grow(by count: Int) -> Int {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: count))
        return start
    }
}

/// Reads what `FieldWriter` wrote, and believes no count before it saw that the bytes are there.
package struct FieldReader {
    private let bytes: [UInt8]
    private var at: Int
    private let end: Int

    /// - Precondition: the range is inside the bytes.
    package init(_ bytes: [UInt8], _ range: Range<Int>) {
        precondition(range.upperBound <= bytes.count, "the range is inside the bytes")
        self.bytes = bytes
        at = range.lowerBound
        end = range.upperBound
    }

    package mutating func take<Number: FixedWidthInteger & BitwiseCopyable>(
        _: Number.Type = Number.self
    ) throws(FormatError) -> Number {
        let start = try advance(by: MemoryLayout<Number>.size)
        return unsafe bytes.span.bytes.load(Number.self, at: start)
    }

    /// - Parameter zero: any number of the type wanted; fills the array before the bytes are copied in.
    package mutating func take<Number: BitwiseCopyable>(
        _ count: Int, like zero: Number
    ) throws(FormatError) -> [Number] {
        guard count >= 0, count <= (end - at) / MemoryLayout<Number>.stride else { throw Self.cutOff }
        let byteCount = count * MemoryLayout<Number>.stride
        let start = try advance(by: byteCount)
        var numbers = [Number](repeating: zero, count: count)
        unsafe numbers.withUnsafeMutableBytes { target in
            unsafe bytes.withUnsafeBytes { source in
                unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + byteCount]))
            }
        }
        return numbers
    }

    package mutating func takeText() throws(FormatError) -> String {
        let count = Int(try take(UInt32.self))
        let start = try advance(by: count)
        guard let text = String(validating: bytes[start..<start + count], as: UTF8.self) else {
            throw .corrupt(what: "a text is not UTF-8")
        }
        return text
    }

    /// All bytes that are left.
    package mutating func takeRest() throws(FormatError) -> [UInt8] { try take(end - at, like: 0 as UInt8) }

    /// - Throws: when bytes are left over.
    package func finish() throws(FormatError) {
        guard at == end else { throw .corrupt(what: "bytes behind the last field") }
    }

    private static let cutOff = FormatError.corrupt(what: "it ends before its fields")

    private mutating func advance(by count: Int) throws(FormatError) -> Int {
        guard count <= end - at else { throw Self.cutOff }
        defer { at += count }
        return at
    }
}

/// The first offset, from `start` on and a multiple of 8, where a little-endian number stands; nil where it does not.
package func firstOffset(of number: UInt32, in bytes: [UInt8], from start: Int) -> Int? {
    unsafe bytes.withUnsafeBytes { bytes in
        var offset = (start + 7) & ~7
        while offset + 4 <= bytes.count {
            if unsafe bytes.load(fromByteOffset: offset, as: UInt32.self) == number.littleEndian { return offset }
            offset += 8
        }
        return nil
    }
}
