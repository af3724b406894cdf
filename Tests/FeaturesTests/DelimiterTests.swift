import CKernels
import Testing

@Suite("The processor's way of finding delimiters and the portable one agree")
struct DelimiterTests {
    @Test("every byte at every place of 64", arguments: 0..<64)
    func everyByte(place: Int) {
        for byte in UInt8.min...UInt8.max {
            var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 64)
            bytes[place] = byte
            let (fast, portable) = unsafe bytes.withUnsafeBufferPointer {
                unsafe (sluice_delimiters64($0.baseAddress!), sluice_delimiters64_portable($0.baseAddress!))
            }
            #expect(fast == portable, "byte \(byte)")
            #expect((fast != 0) == " \t\n\r:|".utf8.contains(byte), "byte \(byte)")
        }
    }

    @Test("four bytes that a format names, at every place of 64", arguments: 0..<64)
    func namedBytes(place: Int) {
        for byte in UInt8.min...UInt8.max {
            var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 64)
            bytes[place] = byte
            let (comma, quote, zero) = (UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(0))
            let (fast, portable) = unsafe bytes.withUnsafeBufferPointer {
                unsafe (
                    sluice_bytes64($0.baseAddress!, comma, quote, zero),
                    sluice_bytes64_portable($0.baseAddress!, comma, quote, zero)
                )
            }
            #expect(fast == portable, "byte \(byte)")
            #expect(fast == (",\"\n\0".utf8.contains(byte) ? 1 << UInt64(place) : 0), "byte \(byte)")
        }
    }

    @Test("what JSON's strings end with, at every place of 64", arguments: 0..<64)
    func json(place: Int) {
        for byte in UInt8.min...UInt8.max {
            var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 64)
            bytes[place] = byte
            let (fast, portable) = unsafe bytes.withUnsafeBufferPointer {
                unsafe (sluice_json64($0.baseAddress!), sluice_json64_portable($0.baseAddress!))
            }
            #expect(fast == portable, "byte \(byte)")
            let isOne = byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
            #expect(fast == (isOne ? 1 << UInt64(place) : 0), "byte \(byte)")
        }
    }
}
