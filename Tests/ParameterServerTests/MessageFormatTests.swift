internal import Domain
internal import Features
internal import Format
internal import ParameterServer
internal import TestSupport
internal import Testing
internal import Transport

@Suite("Messages between server nodes are those of docs/FORMAT.md, byte by byte")
struct MessageFormatTests {
    let page: FormatPage

    init() throws {
        page = try FormatPage()
    }

    // MARK: the page's bytes

    @Test("the page has every kind, numbered from 1 in the order of the enum")
    func kinds() {
        #expect(MessageExample.all.map { Int($0.kind) } == Array(1...34))
        for example in MessageExample.all {
            #expect(page.text.contains("| \(example.kind) | \(example.name) |"))
        }
    }

    @Test("what is written is the page's example", arguments: MessageExample.all)
    func written(_ example: MessageExample) throws {
        let bytes = try page.bytes(of: example.name)
        #expect(example.bytes == bytes)
        #expect(bytes.dropFirst(4).first == example.kind)
    }

    @Test("the page's example is read, byte by byte, and written again the same", arguments: MessageExample.all)
    func read(_ example: MessageExample) throws {
        let bytes = try page.bytes(of: example.name)
        var reader = EnvelopeReader()
        var found: [Envelope] = []
        for byte in bytes {
            #expect(found.isEmpty, "a message ended before its last byte")
            reader.append(bytes: [byte])
            if let envelope = try reader.next() { found.append(envelope) }
        }
        let envelope = try #require(found.first)
        #expect(envelope.history == example.history && envelope.epoch == 1)
        #expect(envelope.bytes == bytes)
    }

    @Test("messages stand one behind the other, in any split", arguments: [1, 7, 24, 64, 4096])
    func stream(pieceByteCount: Int) throws {
        let bytes = MessageExample.all.flatMap { $0.bytes }
        var reader = EnvelopeReader()
        var found: [[UInt8]] = []
        for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
            reader.append(bytes: Array(bytes[start..<min(start + pieceByteCount, bytes.count)]))
            while let envelope = try reader.next() { found.append(envelope.bytes) }
        }
        #expect(found == MessageExample.all.map { $0.bytes })
    }

    @Test("a commit's hash is that of its bytes")
    func hash() {
        #expect(page.text.contains("The hash of this header is \(MessageExample.header.hash.hexDigits)."))
    }

    @Test("the limits are those the page gives")
    func limits() {
        #expect(Envelope.headerByteCount == 24 && page.text.contains("24 bytes, then the payload"))
        #expect(Limits.Group.messageByteCountMax == 67_108_864 && page.text.contains("24 ... 67 108 864 (64 MiB)"))
        #expect(Limits.Group.confirmedMessageCount == 32 && Limits.Group.confirmedByteCount == 1 << 20)
        #expect(Limits.Group.confirmInterval == .seconds(1))
        #expect(page.text.contains("one after 32 messages, after 1 MiB, and every second"))
        #expect(Limits.Group.silenceMax == .seconds(5) && page.text.contains("A sender that hears nothing for 5 s"))
        #expect(Limits.Group.nodeCountMax == 64 && page.text.contains("A model has 1, 2, 4 … 64 owners."))
        #expect(Limits.Features.perExampleMax == 4096 && page.text.contains("An example has at most 4096 features"))
        #expect(Limits.Features.importanceMax == 65_536 && page.text.contains("importances, 0 < h ≤ 65 536"))
        #expect(Limits.Features.valueMagnitudeMax == 4_294_967_296)
    }

    // MARK: what no example shows

    @Test("all outcomes, batches without a name, empty arrays, every number of owners are read back")
    func variants() throws {
        var unnamed = MessageExample.offer
        unnamed.name = nil
        let outcomes: [BatchOutcome] = [
            .duplicate(Version(1003), MessageExample.history), .gap(next: 6), .conflict, .refused("the model is busy"),
        ]
        var messages: [PeerMessage] = [
            .offer(unnamed), .slice(MessageExample.batch, ExampleBatch()), .partials(round: 0, margins: []),
            .residuals(Residuals(round: 41, accepted: 2, window: 0, residuals: [])), .closed(reason: ""),
            .publish(Publish(number: 0, watermarkMilliseconds: .max, digestsAllRows: false)),
        ]
        for outcome in outcomes { messages.append(.outcome(MessageExample.batch, outcome)) }
        for count in [1, 2, 4, 8, 16, 32, 64] {
            var identity = MessageExample.identity
            identity.owners = Array(0..<count)
            messages.append(.prepare(identity))
        }
        for message in messages {
            let bytes = Envelope(MessageExample.history, message).bytes
            #expect(try first(bytes)?.bytes == bytes)
        }
    }

    @Test("clamped products are counted up to the largest u32", arguments: [Int(UInt32.max), 1 << 32, Int.max])
    func clampedProducts(count: Int) throws {
        let message = PeerMessage.durable(number: 9, hash: MessageExample.header.hash, clampedCount: count)
        let bytes = Envelope(MessageExample.history, message).bytes
        #expect(Array(bytes[40...]) == [0xFF, 0xFF, 0xFF, 0xFF])
        let envelope = try #require(try first(bytes))
        guard case .durable(_, _, let read) = envelope.message else {
            Issue.record("it is read as another kind")
            return
        }
        #expect(read == Int(UInt32.max))
    }

    @Test("a slice whose values are all 1 goes without them")
    func plainSlice() throws {
        let slice = try #require(ExampleBatch(ends: [1, 3], indices: [5, 9, 5], values: []))
        let bytes = Envelope(MessageExample.history, .slice(MessageExample.batch, slice)).bytes
        #expect(bytes.count == 45 + 2 * 4 + 3 * 4)
        #expect(bytes[44] == 0)
        let envelope = try #require(try first(bytes))
        guard case .slice(let batch, let read) = envelope.message else {
            Issue.record("it is read as another kind")
            return
        }
        #expect(batch == MessageExample.batch)
        let features = (0..<2).map { read.features(of: $0) }
        #expect(features.map { $0.map { $0.index } } == [[5], [9, 5]])
        #expect(features.joined().allSatisfy { $0.value == 1 })
    }

    @Test("an example of a slice has at most 4096 features")
    func featuresOfAnExample() throws {
        let rows = (0..<4097).map { UInt32($0) }
        let slice = try #require(ExampleBatch(ends: [4096, 4097], indices: rows, values: []))
        var bytes = Envelope(MessageExample.history, .slice(MessageExample.batch, slice)).bytes
        #expect(try first(bytes)?.bytes == bytes)
        bytes.put(UInt32(4097), at: 45)
        #expect(refusal(of: sealed(bytes)) == .corrupt)
    }

    // MARK: damage and lies

    @Test("every part of a message from its beginning waits for more", arguments: MessageExample.all)
    func prefixes(_ example: MessageExample) throws {
        let bytes = try page.bytes(of: example.name)
        for byteCount in bytes.indices {
            let isMessage = try first(Array(bytes[..<byteCount])) != nil
            #expect(!isMessage, "\(byteCount) bytes")
        }
    }

    @Test("no flipped bit makes another message, whatever follows", arguments: ["slice", "commit", "grant", "heard"])
    func flippedBits(name: String) throws {
        let bytes = try page.bytes(of: name)
        for bit in 0..<8 * bytes.count {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!hasMessage(flipped), "bit \(bit)")
            // A length that grew reaches into what follows.
            #expect(!hasMessage(flipped + bytes + bytes), "bit \(bit) before other messages")
        }
    }

    @Test("the forger's tool alone changes nothing", arguments: MessageExample.all)
    func unchanged(_ example: MessageExample) throws {
        let bytes = try page.bytes(of: example.name)
        #expect(sealed(bytes) == bytes)
    }

    @Test("a payload that ends before its fields or goes on behind them is corrupt", arguments: MessageExample.all)
    func lengths(_ example: MessageExample) throws {
        let bytes = try page.bytes(of: example.name)
        for byteCount in Envelope.headerByteCount..<bytes.count {
            #expect(refusal(of: sealed(Array(bytes[..<byteCount]))) == .corrupt, "\(byteCount) bytes")
        }
        #expect(refusal(of: sealed(bytes + [0])) == .corrupt)
    }

    @Test("a header that cannot be is refused before its payload has come", arguments: WrongMessage.headers)
    func wrongHeader(_ wrong: WrongMessage) throws {
        let message = try page.bytes(of: wrong.example)
        var bytes = Array(message[..<Envelope.headerByteCount])
        #expect(refusal(of: bytes) == nil)
        wrong.change(&bytes)
        #expect(refusal(of: bytes) == wrong.refusal)
    }

    @Test("a payload whose checksum holds and whose content lies is refused", arguments: WrongMessage.payloads)
    func wrongPayload(_ wrong: WrongMessage) throws {
        var bytes = try page.bytes(of: wrong.example)
        wrong.change(&bytes)
        #expect(refusal(of: sealed(bytes)) == wrong.refusal)
    }

    // MARK: tools

    /// What a fresh reader finds first in bytes that come at once.
    private func first(_ bytes: [UInt8]) throws(FormatError) -> Envelope? {
        var reader = EnvelopeReader()
        reader.append(bytes: bytes)
        return try reader.next()
    }

    /// Whether there is a message; to refuse the bytes and to wait for more are both no.
    private func hasMessage(_ bytes: [UInt8]) -> Bool {
        do throws(FormatError) { return try first(bytes) != nil } catch { return false }
    }

    /// Why the bytes are refused, or nil when they are not.
    private func refusal(of bytes: [UInt8]) -> Refusal? {
        do throws(FormatError) {
            _ = try first(bytes)
            return nil
        } catch { return Refusal(error) }
    }

    @Test("a header of rule nag has its two sums; sums that none can be are corrupt")
    func normalization() throws {
        func read(_ header: CommitHeader) throws(FormatError) -> CommitHeader {
            var writer = FieldWriter()
            header.write(to: &writer)
            var reader = FieldReader(writer.bytes, 0..<writer.bytes.count)
            let read = try CommitHeader(from: &reader)
            try reader.finish()
            return read
        }
        var header = MessageExample.header
        header.standing = Standing(.nag(rate: 0.5))
        (header.normalization.squares, header.normalization.weight) = (7.25, 12)
        #expect(try read(header) == header && header.hash != MessageExample.header.hash)
        for wrong in [-1, .nan, .infinity] as [Double] {
            header.normalization.squares = wrong
            #expect(throws: FormatError.self) { try read(header) }
            (header.normalization.squares, header.normalization.weight) = (1, wrong)
            #expect(throws: FormatError.self) { try read(header) }
        }
    }

    /// The bytes with a length and a checksum that hold: what a broken or hostile peer can send.
    private func sealed(_ message: [UInt8]) -> [UInt8] {
        var bytes = message
        bytes.put(UInt32(message.count), at: 0)
        let covered = Array(bytes[..<20]) + Array(bytes[24...])
        bytes.put(CRC32C.portable(covered.span), at: 20)
        return bytes
    }
}

extension EnvelopeReader {
    mutating func append(bytes: [UInt8]) {
        let chunk = Bytes(bytes: bytes)
        append(chunk.readableBytesSpan)
    }
}

extension [UInt8] {
    mutating func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        for place in 0..<Number.bitWidth / 8 {
            self[offset + place] = UInt8(truncatingIfNeeded: number >> Number(8 * place))
        }
    }
}
