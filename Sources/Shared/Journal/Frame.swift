internal import Format

/// What one write to the journal carries: its length and checksum, and what it follows. docs/FORMAT.md, "The journal", is
/// the authority.
///
/// A frame is written when the one before is on the disk, so at most the last can be torn, and whatever follows a bad one
/// proves damage.
struct Frame: Equatable {
    static let headerByteCount = 48
    static let formatVersion: UInt16 = 1
    /// "SLJF" as a little-endian number.
    static let magic: UInt32 = 0x464A_4C53

    var payloadByteCount: Int
    var payloadChecksum: UInt32
    var segment: UInt64
    /// 1, 2, 3 … over all segments.
    var number: UInt64
    /// Drawn when the journal was made: another's frames are no part of it.
    var journal: UInt64
    /// The header checksum of the frame before; 0 for the first.
    var previous: UInt32

    /// Frames begin at multiples of 8.
    var byteCount: Int { (Self.headerByteCount + payloadByteCount + 7) & ~7 }

    /// Header, payload and padding, and the header's checksum.
    static func bytes(
        of payload: [UInt8], segment: UInt64, number: UInt64, journal: UInt64, previous: UInt32
    ) -> (bytes: [UInt8], checksum: UInt32) {
        var writer = FieldWriter()
        writer.put(magic)
        writer.put(formatVersion)
        writer.put(UInt16(0))
        writer.put(UInt32(payload.count))
        writer.put(crc(payload, 0..<payload.count))
        writer.put(segment)
        writer.put(number)
        writer.put(journal)
        writer.put(previous)
        let checksum = crc(writer.bytes, 0..<44)
        writer.put(checksum)
        writer.put(payload, first: payload.count)
        writer.put([UInt8](repeating: 0, count: (8 - payload.count & 7) & 7), first: (8 - payload.count & 7) & 7)
        return (writer.bytes, checksum)
    }

    /// The frame whose header stands at `offset` of a segment's bytes, and its checksum; nil where none does.
    static func header(in bytes: [UInt8], at offset: Int, segment: UInt64) -> (frame: Frame, checksum: UInt32)? {
        guard offset + headerByteCount <= bytes.count else { return nil }
        var reader = FieldReader(bytes, offset..<offset + headerByteCount)
        do throws(FormatError) {
            let (magic, version, reserved) = (
                try reader.take(UInt32.self), try reader.take(UInt16.self), try reader.take(UInt16.self)
            )
            guard magic == Self.magic, version == formatVersion, reserved == 0 else { return nil }
            let frame = Frame(
                payloadByteCount: Int(try reader.take(UInt32.self)), payloadChecksum: try reader.take(),
                segment: try reader.take(), number: try reader.take(), journal: try reader.take(),
                previous: try reader.take())
            let checksum = try reader.take(UInt32.self)
            guard frame.segment == segment, checksum == crc(bytes, offset..<offset + 44) else { return nil }
            return (frame, checksum)
        } catch { return nil }  // 48 bytes are there
    }

    /// Version and segment of a header that is whole, whosever it is; nil where none stands.
    static func stamp(in bytes: [UInt8], at offset: Int) -> (version: UInt16, segment: UInt64)? {
        guard offset + headerByteCount <= bytes.count else { return nil }
        var reader = FieldReader(bytes, offset..<offset + headerByteCount)
        do throws(FormatError) {
            let (magic, version) = (try reader.take(UInt32.self), try reader.take(UInt16.self))
            _ = (try reader.take(UInt16.self), try reader.take(UInt64.self))
            let segment = try reader.take(UInt64.self)
            _ = (try reader.take(UInt64.self), try reader.take(UInt64.self), try reader.take(UInt32.self))
            let checksum = try reader.take(UInt32.self)
            return magic == Self.magic && checksum == crc(bytes, offset..<offset + 44) ? (version, segment) : nil
        } catch { return nil }  // 48 bytes are there
    }

    /// Whether the payload at `offset` is whole.
    func hasPayload(in bytes: [UInt8], at offset: Int) -> Bool {
        let start = offset + Self.headerByteCount
        guard payloadByteCount <= bytes.count - start else { return false }
        return Self.crc(bytes, start..<start + payloadByteCount) == payloadChecksum
    }

    private static func crc(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        var sum = CRC32C()
        sum.add(bytes.span.extracting(range))
        return sum.value
    }
}
