internal import Domain
internal import Features
internal import Format
internal import ParameterServer
internal import TestSupport
internal import Testing
internal import Transport

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
        WrongMessage("version 5", of: "grant", .unsupportedVersion) { $0[5] = 5 },
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
        WrongMessage("kind 35", of: "grant", .unsupported) { $0[4] = 35 },
        WrongMessage("kind 255", of: "grant", .unsupported) { $0[4] = 255 },
    ]

    static let payloads: [WrongMessage] = [
        WrongMessage("label 0.5", of: "offer") { $0.put(Float(0.5).bitPattern, at: 83) },
        WrongMessage("a label that is no number", of: "offer") { $0.put(Float.nan.bitPattern, at: 91) },
        WrongMessage("importance 0", of: "offer") { $0.put(Float(0).bitPattern, at: 95) },
        WrongMessage("a negative importance", of: "offer") { $0.put(Float(-1).bitPattern, at: 95) },
        WrongMessage("an importance above the limit", of: "offer") { $0.put(Float(65_537).bitPattern, at: 99) },
        WrongMessage("an importance that is no number", of: "offer") { $0.put(Float.nan.bitPattern, at: 103) },
        WrongMessage("a trainer without a sequence", of: "offer") { $0.put(UInt64(0), at: 44) },
        WrongMessage("a trainer's name with a slash", of: "offer") { $0[66] = UInt8(ascii: "/") },
        WrongMessage("a trainer's name that is not UTF-8", of: "offer") { $0[64] = 0xFF },
        WrongMessage("a trainer's name longer than the message", of: "offer") { $0.put(UInt32.max, at: 60) },
        WrongMessage("more examples than bytes", of: "offer") { $0.put(UInt32.max, at: 79) },
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
        WrongMessage("a batch more than there is", of: "commit") { $0.put(UInt32(2), at: 208) },
        WrongMessage("a batch less than there is", of: "commit") { $0.put(UInt32(0), at: 208) },
        WrongMessage("more batches than bytes", of: "commit") { $0.put(UInt32.max, at: 208) },
        WrongMessage("a rate that is no number", of: "commit") { $0.put(Float.nan.bitPattern, at: 180) },
        WrongMessage("a rate below 0", of: "commit") { $0.put(Float(-1).bitPattern, at: 184) },
        WrongMessage("a first rate of 0", of: "commit") { $0.put(UInt32(0), at: 176) },
        WrongMessage("a reserved byte", of: "commit") { $0[199] = 1 },
        WrongMessage("a flag that is 2", of: "commit") { $0[196] = 2 },
        WrongMessage("a trainer's name with a dot in front", of: "commit") { $0[248] = UInt8(ascii: ".") },
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
