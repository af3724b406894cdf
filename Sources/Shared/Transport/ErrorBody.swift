internal import NIOCore

/// The body of every refusal: `{"error":"…"}` (Open Inference Protocol V2).
enum ErrorBody {
    static let contentType: StaticString = "application/json"

    static func write(_ message: String, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{\"error\":\"")
        for byte in message.utf8 {
            switch byte {
            case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
            case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
            case UInt8(ascii: "\n"): buffer.writeStaticString("\\n")
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                buffer.writeString("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
            default: buffer.writeInteger(byte)
            }
        }
        buffer.writeStaticString("\"}")
    }
}
