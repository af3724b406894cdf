internal import HTTP2

/// The secret which nodes of one cluster share. Never printed, never in argv or the environment.
package struct ClusterToken: Sendable {
    private let bytes: [UInt8]

    /// For tests and for tokens from a source that was checked already.
    package init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// Reads the token from a file only its owner may read; surrounding white space is dropped.
    /// - Throws: `TransportError.tokenFile` with a sentence for the operator.
    package init(readingFile path: String) throws(TransportError) {
        func refusal(_ reason: String) -> TransportError { .tokenFile(path: path, reason: reason) }
        let content = try TokenFile.read(path)
        var trimmed = content[...]
        while let last = trimmed.last, last <= UInt8(ascii: " ") { trimmed.removeLast() }
        while let first = trimmed.first, first <= UInt8(ascii: " ") { trimmed.removeFirst() }
        guard !trimmed.isEmpty else { throw refusal("The token file is empty.") }
        guard trimmed.allSatisfy({ $0 > UInt8(ascii: " ") && $0 < 0x7f }) else {
            throw refusal("The token may hold printable ASCII characters only.")
        }
        bytes = Array(trimmed)
    }

    /// The value of the `authorization` header that proves knowledge of the token.
    var authorization: String { "Bearer " + String(decoding: bytes, as: UTF8.self) }

    /// Whether a header's value carries this token. Time depends on the value's length, not on where it differs.
    func isProved(by authorization: RawSpan) -> Bool {
        let prefix: StaticString = "Bearer "
        let prefixByteCount = prefix.utf8CodeUnitCount
        guard authorization.byteCount == prefixByteCount + bytes.count else { return false }
        guard authorization.extracting(0..<prefixByteCount).equals(prefix) else { return false }
        var difference: UInt8 = 0
        for position in 0..<bytes.count {
            difference |= authorization.byte(at: prefixByteCount + position) ^ bytes[position]
        }
        return difference == 0
    }
}
