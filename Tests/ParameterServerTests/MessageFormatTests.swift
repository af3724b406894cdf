internal import Domain
internal import Features
internal import Format
// Only to read a file of the repository; no product imports Foundation.
internal import FoundationEssentials
internal import ParameterServer
internal import Testing
internal import Transport

/// `docs/FORMAT.md` as it stands in the repository.
struct FormatPage {
    let text: String

    init() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        text = try String(contentsOfFile: "/\(root)/docs/FORMAT.md", encoding: .utf8)
    }

    /// The bytes of the block that begins with "```hex name".
    func bytes(of name: String) throws -> [UInt8] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "```hex \(name)"), "the page has no example \(name)")
        let block = lines[(start + 1)...].prefix { $0 != "```" }
        return try block.flatMap { $0.split(separator: " ") }.map { try #require(UInt8($0, radix: 16)) }
    }
}

/// The page's message of a kind.
struct MessageExample: Sendable, CustomTestStringConvertible {
    let kind: UInt8
    let name: String
    let message: PeerMessage
    let history: History

    private init(_ kind: UInt8, _ name: String, _ message: PeerMessage, under history: History = Self.history) {
        self.kind = kind
        self.name = name
        self.message = message
        self.history = history
    }

    var testDescription: String { name }
    var bytes: [UInt8] { Envelope(history, message).bytes }

    static let history = History(0x0123_4567_89AB_CDEF)
    static let fingerprint = Fingerprint(0xFEDC_BA98_7654_3210)
    static let batch = BatchID(node: 2, number: 7)
    static let trainer = Offer.Name(trainer: ModelName("robot")!, sequence: 5, digest: 0x0011_2233_4455_6677)
    static let offer = BatchOffer(
        batch: batch, body: 4, name: trainer, byteCount: 40, featureCount: 6,
        examples: ExampleBatch(labels: [1, 0, 1], importances: [1, 2.5, 1])!)
    static let slice = ExampleBatch(ends: [2, 2, 4], indices: [5, 9, 5, 1023], values: [1, 0.5, 1, -2])!
    static let header = CommitHeader(
        history: history, number: 9, previousHash: 0x8877_6655_4433_2211, stableNumber: 8, version: Version(1003),
        exampleCount: 1003, acceptedLately: 3 << 16, windowMax: 28, fingerprint: fingerprint,
        batches: [CommitHeader.Batch(name: trainer, exampleCount: 3)])
    static let identity = ModelIdentity(
        name: ModelName("clicks")!, spec: "name: clicks\nbits: 12\n", fingerprint: fingerprint, owners: [1, 0])
    static let digest = WeightDigest(sum: UInt128(0x95F2_8283_54A4_CC0A) << 64 | UInt128(0x193B_D345_2C87_656B))

    static let all: [MessageExample] = [
        MessageExample(1, "offer", .offer(offer)),
        MessageExample(2, "grant", .grant(batch)),
        MessageExample(3, "outcome", .outcome(batch, .learned(Version(1003), history))),
        MessageExample(4, "slice", .slice(batch, slice)),
        MessageExample(5, "arrived", .arrived(batch)),
        MessageExample(6, "order", .order(batch, version: Version(1000), window: 3)),
        MessageExample(7, "partials", .partials(round: 40, margins: [0.25, -1.5, 0])),
        MessageExample(
            8, "residuals", .residuals(Residuals(round: 40, accepted: 1, window: 2, residuals: [0.5]))),
        MessageExample(9, "commit", .commit(header)),
        MessageExample(10, "durable", .durable(number: 9, hash: header.hash, clampedCount: 2)),
        MessageExample(11, "stable", .stable(number: 9)),
        MessageExample(12, "drop", .drop(batch)),
        MessageExample(13, "prepare", .prepare(identity)),
        MessageExample(14, "joined", .joined(fingerprint)),
        MessageExample(15, "opened", .opened(identity)),
        MessageExample(16, "closed", .closed(reason: "its node stops")),
        MessageExample(
            17, "publish",
            .publish(Publish(number: 9, watermarkMilliseconds: 1_700_000_000_000, digestsAllRows: true))),
        MessageExample(18, "digest", .digest(number: 9, digest)),
        MessageExample(19, "withdraw", .withdraw(batch)),
        MessageExample(20, "heard", .heard),
        MessageExample(21, "deleted", .deleted),
        MessageExample(22, "told", .told, under: History(0)),
        MessageExample(23, "wantsPublish", .wantsPublish),
    ]
}

/// A refusal, in the page's words.
enum Refusal: Equatable, Sendable {
    case unsupportedVersion, unsupported, tooLarge, corrupt
    /// None that a reader of messages may give.
    case other

    init(_ error: FormatError) {
        switch error {
        case .unsupportedVersion: self = .unsupportedVersion
        case .unsupported: self = .unsupported
        case .tooLarge: self = .tooLarge
        case .corrupt: self = .corrupt
        case .notARecord, .outsideModel: self = .other
        }
    }
}

/// A change to one of the page's messages, and what must come of it.
struct WrongMessage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let example: String
    let refusal: Refusal
    let change: @Sendable (inout [UInt8]) -> Void

    init(
        _ name: String, of example: String, _ refusal: Refusal = .corrupt,
        _ change: @escaping @Sendable (inout [UInt8]) -> Void
    ) {
        testDescription = "\(example): \(name)"
        self.example = example
        self.refusal = refusal
        self.change = change
    }

    static let headers: [WrongMessage] = [
        WrongMessage("version 2", of: "grant", .unsupportedVersion) { $0[5] = 2 },
        WrongMessage("version 0 of an unknown kind, too long", of: "grant", .unsupportedVersion) { bytes in
            bytes[5] = 0
            bytes[4] = 0
            bytes.put(UInt32.max, at: 0)
        },
        WrongMessage("a byte above the limit", of: "grant", .tooLarge) { $0.put(UInt32(67_108_865), at: 0) },
        WrongMessage("the largest length", of: "grant", .tooLarge) { $0.put(UInt32.max, at: 0) },
        WrongMessage("shorter than its header", of: "grant") { $0.put(UInt32(23), at: 0) },
        WrongMessage("a length of 0", of: "grant") { $0.put(UInt32(0), at: 0) },
        WrongMessage("a byte that must be zero", of: "grant") { $0[6] = 1 },
        WrongMessage("the other byte that must be zero", of: "grant") { $0[7] = 0x80 },
        WrongMessage("kind 0", of: "grant", .unsupported) { $0[4] = 0 },
        WrongMessage("kind 24", of: "grant", .unsupported) { $0[4] = 24 },
        WrongMessage("kind 255", of: "grant", .unsupported) { $0[4] = 255 },
    ]

    static let payloads: [WrongMessage] = [
        WrongMessage("label 0.5", of: "offer") { $0.put(Float(0.5).bitPattern, at: 81) },
        WrongMessage("a label that is no number", of: "offer") { $0.put(Float.nan.bitPattern, at: 89) },
        WrongMessage("importance 0", of: "offer") { $0.put(Float(0).bitPattern, at: 93) },
        WrongMessage("a negative importance", of: "offer") { $0.put(Float(-1).bitPattern, at: 93) },
        WrongMessage("an importance above the limit", of: "offer") { $0.put(Float(65_537).bitPattern, at: 97) },
        WrongMessage("an importance that is no number", of: "offer") { $0.put(Float.nan.bitPattern, at: 101) },
        WrongMessage("a trainer without a sequence", of: "offer") { $0.put(UInt64(0), at: 44) },
        WrongMessage("a trainer's name with a slash", of: "offer") { $0[66] = UInt8(ascii: "/") },
        WrongMessage("a trainer's name that is not UTF-8", of: "offer") { $0[64] = 0xFF },
        WrongMessage("a trainer's name longer than the message", of: "offer") { $0.put(UInt32.max, at: 60) },
        WrongMessage("more examples than bytes", of: "offer") { $0.put(UInt32.max, at: 77) },
        WrongMessage("an outcome of kind 5", of: "outcome", .unsupported) { $0[36] = 5 },
        WrongMessage("ends that fall", of: "slice") { $0.put(UInt32(4), at: 45) },
        WrongMessage("a last end before the last feature", of: "slice") { $0.put(UInt32(3), at: 53) },
        WrongMessage("a last end behind the last feature", of: "slice") { $0.put(UInt32(5), at: 53) },
        WrongMessage("more examples than bytes", of: "slice") { $0.put(UInt32.max, at: 36) },
        WrongMessage("more features than bytes", of: "slice") { $0.put(UInt32.max, at: 40) },
        WrongMessage("a flag of 2", of: "slice") { $0[44] = 2 },
        WrongMessage("values that the flag denies", of: "slice") { $0[44] = 0 },
        WrongMessage("a value that is no number", of: "slice") { $0.put(Float.nan.bitPattern, at: 73) },
        WrongMessage("an infinite value", of: "slice") { $0.put((-Float.infinity).bitPattern, at: 77) },
        WrongMessage("a value above 2^32", of: "slice") { $0.put(Float(4_294_967_296).nextUp.bitPattern, at: 85) },
        WrongMessage("more margins than bytes", of: "partials") { $0.put(UInt32.max, at: 32) },
        WrongMessage("more residuals than bytes", of: "residuals") { $0.put(UInt32.max, at: 40) },
        WrongMessage("a batch more than there is", of: "commit") { $0.put(UInt32(2), at: 96) },
        WrongMessage("a batch less than there is", of: "commit") { $0.put(UInt32(0), at: 96) },
        WrongMessage("more batches than bytes", of: "commit") { $0.put(UInt32.max, at: 96) },
        WrongMessage("a trainer's name with a dot in front", of: "commit") { $0[124] = UInt8(ascii: ".") },
        WrongMessage("a model's name with a space", of: "prepare") { $0[30] = UInt8(ascii: " ") },
        WrongMessage("a spec that is not UTF-8", of: "prepare") { $0[38] = 0xC0 },
        WrongMessage("no owner", of: "prepare") { bytes in
            bytes.put(UInt32(0), at: 68)
            bytes.removeLast(8)
        },
        WrongMessage("three owners", of: "prepare") { bytes in
            bytes.put(UInt32(3), at: 68)
            bytes.append(contentsOf: [2, 0, 0, 0])
        },
        WrongMessage("128 owners", of: "opened") { bytes in
            bytes.put(UInt32(128), at: 68)
            for owner in 2..<128 { bytes.append(contentsOf: [UInt8(owner), 0, 0, 0]) }
        },
        WrongMessage("two owners more than there are", of: "opened") { $0.put(UInt32(4), at: 68) },
        WrongMessage("an owner less than there is", of: "opened") { $0.put(UInt32(1), at: 68) },
        WrongMessage("more owners than bytes", of: "opened") { $0.put(UInt32(64), at: 68) },
        WrongMessage("the largest count of owners", of: "opened") { $0.put(UInt32.max, at: 68) },
        WrongMessage("a reason that is not UTF-8", of: "closed") { $0[28] = 0xFF },
        WrongMessage("a flag of 2", of: "publish") { $0[40] = 2 },
    ]
}

@Suite("Messages between server nodes are those of docs/FORMAT.md, byte by byte")
struct MessageFormatTests {
    let page: FormatPage

    init() throws {
        page = try FormatPage()
    }

    // MARK: the page's bytes

    @Test("the page has every kind, numbered from 1 in the order of the enum")
    func kinds() {
        #expect(MessageExample.all.map { Int($0.kind) } == Array(1...23))
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
    fileprivate mutating func append(bytes: [UInt8]) {
        let chunk = Bytes(bytes: bytes)
        append(chunk.readableBytesSpan)
    }
}

extension [UInt8] {
    fileprivate mutating func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        for place in 0..<Number.bitWidth / 8 {
            self[offset + place] = UInt8(truncatingIfNeeded: number >> Number(8 * place))
        }
    }
}
