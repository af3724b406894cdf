/// Unpacks the rows of a delta or chunk.
///
/// - Parameters:
///   - header: from `RecordReader`, as is the payload.
///   - columns: which floats the caller has a place for.
///   - indexLimit: one past the model's largest index: 2^bits.
///   - indices: replaced by the rows' indices, strictly increasing; its capacity is reused. Shape [rows].
///   - values: replaced by the rows' values, any bits. Shape [rows × floats].
///   - pause: called after about every `pauseRowCount` rows, for a thread that gives way to others.
/// - Throws: `unsupported` for other columns, `corrupt` when the bits do not spell the rows, `outsideModel` when the last is at or above the limit.
///   Both arrays are then empty.
/// - Precondition: the header is of a kind that carries rows, and the payload has the length it says.
/// - Complexity: O(rows + payload), whatever the bytes are.
package func decodeRows(
    _ header: RecordHeader, columns: RecordColumns = .weights, payload: RawSpan, indexLimit: UInt64,
    into indices: inout [UInt32], values: inout [Float], pauseRowCount: Int = .max, pause: () -> Void = {}
) throws(FormatError) {
    precondition(header.kind.carriesRows, "only deltas and chunks have rows")
    precondition(payload.byteCount == header.payloadByteCount, "the payload must be the header's own")
    precondition(header.contradiction == nil, "the header must be one a reader accepted")
    guard header.columns == columns else { throw .unsupported(what: "\(header.columns) where \(columns) are wanted") }
    resize(&indices, to: header.rowCount, filler: 0)
    resize(&values, to: header.rowCount * header.columns.floatCount, filler: 0)
    guard header.rowCount > 0 else { return }
    do throws(FormatError) {
        var indexSpan = indices.mutableSpan
        try decodeIndices(
            header, gaps: payload.extracting(first: header.gapByteCount), indexLimit, &indexSpan, pauseRowCount, pause)
    } catch {
        indices.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        throw error
    }
    var valueSpan = values.mutableSpan
    copyValues(payload.extracting(droppingFirst: header.gapByteCount), into: &valueSpan)
}

/// The YAML of a spec record.
///
/// - Throws: `unsupported` for other columns, `corrupt` when it is not UTF-8.
/// - Precondition: the header is a spec's, and the payload has the length it says.
package func decodeSpec(_ header: RecordHeader, payload: RawSpan) throws(FormatError) -> String {
    precondition(header.kind == .spec, "only a spec record has a spec")
    precondition(payload.byteCount == header.payloadByteCount, "the payload must be the header's own")
    let bytes = (0..<payload.byteCount).map { payload.load(UInt8.self, at: $0) }
    guard let yaml = String(validating: bytes, as: UTF8.self) else { throw .corrupt(what: "its spec is not UTF-8") }
    return yaml
}

private func decodeIndices(
    _ header: RecordHeader, gaps: RawSpan, _ indexLimit: UInt64, _ indices: inout MutableSpan<UInt32>,
    _ pauseRowCount: Int, _ pause: () -> Void
) throws(FormatError) {
    guard
        let decoded = decodeGaps(
            gaps, riceParameter: header.riceParameter, firstIndex: header.firstIndex, into: &indices,
            pauseRowCount: pauseRowCount, pause: pause)
    else { throw .corrupt(what: "its gaps end before its rows") }
    // One spelling for one set of rows: no spare words, no bits behind the last gap.
    guard (decoded.bitCount + 63) / 64 * 8 == gaps.byteCount else { throw .corrupt(what: "bytes behind its gaps") }
    let tailBitCount = decoded.bitCount % 64
    if tailBitCount != 0, gaps.load(UInt64.self, at: gaps.byteCount - 8) >> UInt64(tailBitCount) != 0 {
        throw .corrupt(what: "bits behind its gaps")
    }
    let limit = min(indexLimit, FormatLimits.indexLimitMax)
    guard decoded.lastIndex < limit else { throw .outsideModel(index: decoded.lastIndex, indexLimit: limit) }
}

/// Gives an array a count without giving up its memory.
private func resize<Element>(_ array: inout [Element], to count: Int, filler: Element) {
    if array.count > count {
        array.removeLast(array.count - count)
    } else {
        array.append(contentsOf: repeatElement(filler, count: count - array.count))
    }
}
