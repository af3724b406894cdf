import HTTP2

/// A session with its wire: what it sent, what it saw.
final class End {
    let session: HTTP2Session
    /// Body bytes received, by stream index.
    var bodies: [StreamIndex: [UInt8]] = [:]
    var events: [HTTP2Event] = []
    /// What to do with an event when it is read.
    var react: (HTTP2Event, End) -> Void = { _, _ in }
    var nowNanoseconds: UInt64 = 1

    var isFinished: Bool { session.isFinished }
    var recordCount: Int { session.recordCount }
    var openStreamCount: Int { session.openStreamCount }

    init(_ role: HTTP2Role) throws {
        session = try HTTP2Session(role)
    }

    /// All bytes the session wants to send now.
    func output() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var failure: HTTP2Failure?
        do throws(HTTP2Failure) {
            try session.drain { frame in
                for position in 0..<frame.byteCount { bytes.append(frame.byte(at: position)) }
                return true
            }
        } catch { failure = error }
        readEvents([])
        if let failure { throw failure }
        return bytes
    }

    /// Feeds bytes in slices of at most `sliceByteCount` and reads the events after each.
    func receive(_ bytes: [UInt8], sliceByteCount: Int = 16 * 1024) throws {
        var start = 0
        while start < bytes.count {
            let slice = bytes[start..<min(start + sliceByteCount, bytes.count)]
            var failure: HTTP2Failure?
            do throws(HTTP2Failure) { try session.receive(slice, nowNanoseconds: nowNanoseconds) } catch {
                failure = error
            }
            readEvents(slice)
            if let failure { throw failure }
            start += slice.count
        }
    }

    private func readEvents(_ slice: ArraySlice<UInt8>) {
        while let event = session.nextEvent() {
            events.append(event)
            if case .data(let index, let start, let byteCount) = event {
                let from = slice.startIndex + start
                bodies[index, default: []] += slice[from..<(from + byteCount)]
            }
            react(event, self)
        }
    }
}

/// Lets both ends talk until both are silent. - Returns: bytes moved.
@discardableResult
func converse(_ client: End, _ server: End) throws -> Int {
    var moved = 0
    while true {
        let up = try client.output()
        try server.receive(up)
        let down = try server.output()
        try client.receive(down)
        moved += up.count + down.count
        if up.isEmpty && down.isEmpty { return moved }
    }
}

/// A body held in memory, handed out in pieces; it may say `wait` first.
final class TestBody: HTTP2BodySource {
    private var rest: ArraySlice<UInt8>
    var isHeldBack: Bool
    var asked = 0

    init(_ bytes: [UInt8], isHeldBack: Bool = false) {
        rest = bytes[...]
        self.isHeldBack = isHeldBack
    }

    func fill(_ space: inout FrameSpace) -> BodyStep {
        asked += 1
        if isHeldBack { return .wait }
        let piece = rest.prefix(space.remaining)
        space.append(piece)
        rest = rest.dropFirst(piece.count)
        return rest.isEmpty ? .end : .more
    }
}

/// Raw frames, for peers that do not behave (RFC 9113 4.1).
enum Raw {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let settings = frame(type: 4, flags: 0, stream: 0, [])
    /// POST http://a/ with indexed and literal fields (RFC 7541 6).
    static let requestFields: [UInt8] = [0x83, 0x86, 0x84, 0x41, 0x01, 0x61]

    static func frame(type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        return [
            UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff), type, flags,
            UInt8(stream >> 24), UInt8(stream >> 16 & 0xff), UInt8(stream >> 8 & 0xff), UInt8(stream & 0xff),
        ] + payload
    }

    static func headers(_ stream: UInt32, _ fields: [UInt8] = requestFields, endsStream: Bool = false) -> [UInt8] {
        frame(type: 1, flags: endsStream ? 5 : 4, stream: stream, fields)
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8], endsStream: Bool = false) -> [UInt8] {
        frame(type: 0, flags: endsStream ? 1 : 0, stream: stream, bytes)
    }

    static func reset(_ stream: UInt32) -> [UInt8] { frame(type: 3, flags: 0, stream: stream, [0, 0, 0, 8]) }
    static let ping = frame(type: 6, flags: 0, stream: 0, [UInt8](repeating: 7, count: 8))

    /// A server that has read preface and SETTINGS.
    static func greetedServer() throws -> End {
        let server = try End(.server)
        try server.receive(preface + settings)
        _ = try server.output()
        return server
    }
}

/// Feeds a frame again and again, draining in between like a connection does.
/// - Returns: how many were taken before the session ended, and why it did.
func flood(_ server: End, count: Int, _ frame: (Int) -> [UInt8]) -> (taken: Int, failure: HTTP2Failure?) {
    for turn in 0..<count {
        do {
            try server.receive(frame(turn))
            _ = try server.output()
        } catch { return (turn, error as? HTTP2Failure) }
        if server.isFinished { return (turn, nil) }
    }
    return (count, nil)
}
