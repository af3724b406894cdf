internal import Domain
internal import Features
package import Format
internal import Transport

extension Envelope {
    package static let headerByteCount = 24
    static let formatVersion: UInt8 = 4

    /// Header and payload.
    package var bytes: [UInt8] {
        var writer = FieldWriter()
        writer.put(UInt32(0))
        writer.put(message.kind.rawValue)
        writer.put(Self.formatVersion)
        writer.put(UInt16(0))
        writer.put(history.rawValue)
        writer.put(epoch)
        writer.put(UInt32(0))
        message.write(to: &writer)
        writer.replace(UInt32(writer.bytes.count), at: 0)
        writer.replace(Self.checksum(writer.bytes, 0..<writer.bytes.count), at: 20)
        return writer.bytes
    }

    /// Of everything but itself.
    static func checksum(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        var sum = CRC32C()
        sum.add(bytes.span.extracting(range.lowerBound..<range.lowerBound + 20))
        sum.add(bytes.span.extracting(range.lowerBound + headerByteCount..<range.upperBound))
        return sum.value
    }
}

extension Bytes {
    /// Gives a message that `Envelope.bytes` made to another epoch.
    mutating func restampEnvelope(_ epoch: UInt32) {
        guard getInteger(at: readerIndex + 16, endianness: .little, as: UInt32.self) != epoch else { return }
        setInteger(epoch, at: readerIndex + 16, endianness: .little)
        let bytes = Array(readableBytesView)
        setInteger(Envelope.checksum(bytes, 0..<bytes.count), at: readerIndex + 20, endianness: .little)
    }
}

/// Finds the messages in bytes that arrive in any split.
package struct EnvelopeReader: Sendable {
    private var window = ByteWindow()
    /// Where the next message begins in the window.
    private var start = 0

    package init() {}

    package mutating func append(_ chunk: RawSpan) {
        window.removeFirst(start)
        start = 0
        window.append(chunk)
    }

    /// The next whole message, or nil when more bytes are needed.
    ///
    /// - Throws: what is wrong with the bytes; the stream cannot be continued then.
    package mutating func next() throws(FormatError) -> Envelope? {
        let waiting = window.byteCount - start
        guard waiting >= Envelope.headerByteCount else { return nil }
        var header = FieldReader(window.bytes, start..<start + Envelope.headerByteCount)
        let byteCount = Int(try header.take(UInt32.self))
        let (kindByte, version, reserved) = (
            try header.take(UInt8.self), try header.take(UInt8.self), try header.take(UInt16.self)
        )
        guard version == Envelope.formatVersion else { throw .unsupportedVersion(UInt16(version)) }
        guard byteCount <= Limits.Group.messageByteCountMax else {
            throw .tooLarge(
                what: "bytes", count: UInt64(byteCount), limit: UInt64(Limits.Group.messageByteCountMax))
        }
        guard byteCount >= Envelope.headerByteCount, reserved == 0 else {
            throw .corrupt(what: "a message's header contradicts itself")
        }
        guard let kind = PeerMessage.Kind(rawValue: kindByte) else {
            throw .unsupported(what: "message kind \(kindByte)")
        }
        guard waiting >= byteCount else { return nil }
        let (history, epoch) = (History(try header.take()), try header.take(UInt32.self))
        let range = start..<start + byteCount
        guard Envelope.checksum(window.bytes, range) == (try header.take(UInt32.self)) else {
            throw .corrupt(what: "a message's checksum does not match")
        }
        var reader = FieldReader(window.bytes, range.lowerBound + Envelope.headerByteCount..<range.upperBound)
        var envelope = Envelope(history, try PeerMessage(kind, from: &reader))
        try reader.finish()
        envelope.epoch = epoch
        start = range.upperBound
        return envelope
    }
}
