/// Finds the records of one stream in bytes that arrive in any split.
///
/// The caller keeps the bytes: it shows those from the next record on, gets more while the answer is `needMore`, and
/// drops a record's bytes when it is done with it. No record is ever reported in part.
package struct RecordReader: Sendable {
    package enum Step: Equatable, Sendable {
        /// Nothing can be said before there are this many bytes in all; there may be need for more then.
        case needMore(byteCount: Int)

        /// The bytes begin with a whole record, intact. The payload's place is relative to their start.
        case record(RecordHeader, payload: Range<Int>)
    }

    /// Where the next record begins, in bytes from the stream's start.
    package private(set) var offset: UInt64

    package init(offset: UInt64 = 0) {
        self.offset = offset
    }

    /// Looks at the bytes from `offset` on, and moves past a whole record.
    ///
    /// Lengths are believed only after the header's own checksum and limits held, so the caller may allocate what
    /// `needMore` asks for. The payload is read once, when all of it is there.
    ///
    /// - Throws: whatever is wrong, as soon as the bytes show it. The stream cannot be continued then.
    package mutating func read(_ bytes: RawSpan) throws(FormatError) -> Step {
        try checkFront(bytes)
        guard bytes.byteCount >= RecordHeader.byteCount else { return .needMore(byteCount: RecordHeader.byteCount) }

        var headerSum = CRC32C()
        headerSum.add(bytes.extracting(first: HeaderOffset.recordChecksum))
        var recordSum = headerSum
        headerSum.add(bytes.load(UInt32.self, at: HeaderOffset.recordChecksum))
        guard headerSum.value == bytes.load(UInt32.self, at: HeaderOffset.headerChecksum) else {
            throw .corrupt(what: "its header checksum does not match")
        }

        let header = try RecordHeader(checked: bytes)
        guard bytes.byteCount >= header.recordByteCount else { return .needMore(byteCount: header.recordByteCount) }

        let payload = RecordHeader.byteCount..<header.recordByteCount
        recordSum.add(bytes.extracting(payload))
        guard recordSum.value == bytes.load(UInt32.self, at: HeaderOffset.recordChecksum) else {
            throw .corrupt(what: "its payload checksum does not match")
        }
        offset += UInt64(header.recordByteCount)
        return .record(header, payload: payload)
    }

    /// Refuses another format or version by its first bytes: the rest of its header may not even have our length.
    private func checkFront(_ bytes: RawSpan) throws(FormatError) {
        for place in 0..<min(4, bytes.byteCount) {
            let expected = UInt8(truncatingIfNeeded: recordMagic >> UInt32(8 * place))
            guard bytes.load(UInt8.self, at: place) == expected else { throw .notARecord(offset: offset) }
        }
        guard bytes.byteCount >= HeaderOffset.kind else { return }
        let version = bytes.load(UInt16.self, at: HeaderOffset.formatVersion)
        guard version == RecordHeader.formatVersion else { throw .unsupportedVersion(version) }
    }
}
