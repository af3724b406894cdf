/// Appends a record of the model's spec.
///
/// - Precondition: the YAML has at most `FormatLimits.specByteCountMax` bytes of UTF-8.
package func appendSpec(_ yaml: String, stamp: RecordStamp, to bytes: inout [UInt8]) {
    let text = Array(yaml.utf8)
    precondition(text.count <= FormatLimits.specByteCountMax, "a spec must fit its limit")
    let header = RecordHeader(kind: .spec, payloadByteCount: text.count, stamp: stamp)
    let start = appendHeader(header, to: &bytes)
    bytes.append(contentsOf: text)
    seal(&bytes, from: start)
}

/// Appends a record that has no payload.
///
/// - Parameter kind: `copyBegin`, `copyEnd` or `heartbeat`.
package func appendMark(_ kind: RecordKind, stamp: RecordStamp, to bytes: inout [UInt8]) {
    precondition(kind != .spec && !kind.carriesRows, "a spec, delta or chunk has a payload")
    let start = appendHeader(RecordHeader(kind: kind, stamp: stamp), to: &bytes)
    seal(&bytes, from: start)
}

/// Appends rows.
///
/// - Parameters:
///   - kind: `delta` or `chunk`.
///   - columns: which floats a row has: `weights` or `state`.
///   - indices: strictly increasing. Shape [rows], at most `FormatLimits.rowCountMax`.
///   - values: what the rows hold at the stamp's version. Shape [rows × floats].
/// - Precondition: as above; checked. O(rows); allocates only what `bytes` lacks in capacity.
package func appendRows(
    _ kind: RecordKind, columns: RecordColumns = .weights, stamp: RecordStamp, indices: Span<UInt32>,
    values: Span<Float>, to bytes: inout [UInt8]
) {
    precondition(kind.carriesRows, "only deltas and chunks have rows")
    precondition(indices.count * columns.floatCount == values.count, "each row has an index and its values")
    precondition(indices.count <= FormatLimits.rowCountMax, "the rows must fit one record")
    let riceParameter = riceParameter(for: indices)
    let gapByteCount = gapByteCount(indices: indices, riceParameter: riceParameter)
    let header = RecordHeader(
        kind: kind, columns: columns, payloadByteCount: gapByteCount + values.count * 4, rowCount: indices.count,
        firstIndex: indices.isEmpty ? 0 : indices[0], riceParameter: riceParameter, stamp: stamp)
    let start = appendHeader(header, to: &bytes)
    let gapStart = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: header.payloadByteCount))
    let valueStart = gapStart + gapByteCount
    var target = bytes.mutableSpan
    encodeGaps(indices: indices, riceParameter: riceParameter, into: &target, at: gapStart..<valueStart)
    copyValues(values, into: &target, at: valueStart..<valueStart + values.count * 4)
    seal(&bytes, from: start)
}

/// Gives a record that another function here made another stamp; its payload stays.
///
/// - Cost: O(payload) for the checksum alone.
package func restamp(_ record: inout [UInt8], _ stamp: RecordStamp) throws(FormatError) {
    var header = try RecordHeader(checked: record.span)
    header.stamp = stamp
    var target = record.mutableSpan
    header.write(into: &target, at: 0)
    seal(&record, from: 0)
}

/// The parameter that makes gaps of this mean shortest, were they geometrically distributed.
///
/// - Source: Kiely 2004, "Selecting the Golomb Parameter in Rice Coding": k + 1 is better than k once the mean is above
///   2^k / ln φ, φ the golden ratio; 1 / ln φ = 2.078.
func riceParameter(for indices: Span<UInt32>) -> UInt8 {
    guard indices.count > 1 else { return 0 }
    let gapCount = UInt64(indices.count - 1)
    let span = UInt64(indices[indices.count - 1] &- indices[0])
    let gapSum = span - min(span, gapCount)
    var parameter: UInt8 = 0
    while gapSum * 1000 > (gapCount << UInt64(parameter)) * 2078 { parameter += 1 }
    return parameter
}

/// The whole 64-bit words the gaps need.
private func gapByteCount(indices: Span<UInt32>, riceParameter: UInt8) -> Int {
    guard let quotientSum = riceQuotientSum(indices: indices, riceParameter: riceParameter) else {
        preconditionFailure("a record's indices must be strictly increasing")
    }
    let bitCount = max(0, indices.count - 1) * (1 + Int(riceParameter)) + Int(quotientSum)
    return (bitCount + 63) / 64 * 8
}

/// Appends a header without checksums; returns where it begins.
private func appendHeader(_ header: RecordHeader, to bytes: inout [UInt8]) -> Int {
    if let contradiction = header.contradiction { preconditionFailure("a writer's mistake: \(contradiction)") }
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: RecordHeader.byteCount))
    var target = bytes.mutableSpan
    header.write(into: &target, at: start)
    return start
}

/// Fills in the checksums of the record that ends the array.
private func seal(_ bytes: inout [UInt8], from start: Int) {
    let (recordSum, headerSum) = checksums(of: bytes.span.extracting(droppingFirst: start))
    var target = bytes.mutableSpan
    target.store(recordSum, at: start + HeaderOffset.recordChecksum)
    target.store(headerSum, at: start + HeaderOffset.headerChecksum)
}

/// The second covers the first, so that a header whose checksum holds is right in every bit.
private func checksums(of record: Span<UInt8>) -> (record: UInt32, header: UInt32) {
    var headerSum = CRC32C()
    headerSum.add(record.extracting(first: HeaderOffset.recordChecksum))
    var recordSum = headerSum
    recordSum.add(record.extracting(droppingFirst: RecordHeader.byteCount))
    headerSum.add(recordSum.value)
    return (recordSum.value, headerSum.value)
}
