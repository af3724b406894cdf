// The doors for whoever holds an array: a `Span` becomes a `RawSpan` only by an operation marked unsafe, because other
// elements may have padding. Bytes have none, so these are safe to call.

extension RecordReader {
    package mutating func read(_ bytes: Span<UInt8>) throws(FormatError) -> Step {
        try unsafe read(bytes.bytes)
    }
}

extension RecordHeader {
    init(checked bytes: Span<UInt8>) throws(FormatError) {
        self = try unsafe RecordHeader(checked: bytes.bytes)
    }
}

package func decodeRows(
    _ header: RecordHeader, columns: RecordColumns = .weights, payload: Span<UInt8>, indexLimit: UInt64,
    into indices: inout [UInt32], values: inout [Float], pauseRowCount: Int = .max, pause: () -> Void = {}
) throws(FormatError) {
    try unsafe decodeRows(
        header, columns: columns, payload: payload.bytes, indexLimit: indexLimit, into: &indices, values: &values,
        pauseRowCount: pauseRowCount, pause: pause)
}

package func decodeSpec(_ header: RecordHeader, payload: Span<UInt8>) throws(FormatError) -> String {
    try unsafe decodeSpec(header, payload: payload.bytes)
}
