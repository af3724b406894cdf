/// Which end of the connection a session plays.
package enum HTTP2Role: Sendable {
    case client
    case server
}

/// The position of a stream's record in its session: small, dense, used again once the stream's `closed` was read.
package typealias StreamIndex = Int

/// What the peer did, in the order it did it. Read between two slices; positions count from the slice's start.
package enum HTTP2Event: Equatable, Sendable {
    /// A request's (server) or final answer's (client) header block is complete.
    case head(StreamIndex)
    /// Body bytes at `start ..< start + byteCount` of the slice just received.
    case data(StreamIndex, start: Int, byteCount: Int)
    /// The peer has ended its side of the stream.
    case ended(StreamIndex)
    /// A request's header list passes the limit: it may be answered once (431), then the connection closes.
    case headersTooLarge(StreamIndex)
    /// Our side ended before the peer's: the stream is waiting to be reset.
    case answeredEarly(StreamIndex)
    /// Nothing more happens on the stream; its record is used again after this event. Code: RFC 9113 7.
    case closed(StreamIndex, errorCode: UInt32)
    /// The peer answered our PING.
    case pingAcknowledged
    /// The peer takes no new streams (RFC 9113 6.8).
    case goAwayReceived
}

/// Why a session ended. After any of these only `farewell` and `drain` make sense.
package enum HTTP2Failure: Error, Equatable, Sendable {
    /// The first bytes are not the HTTP/2 preface.
    case notHTTP2
    /// Too many frames which bring nothing, resets or malformed messages.
    case abusive
    /// A header list over `Limits.HTTP.headerListByteCountMax`.
    case headersTooLarge
    /// The library refuses to go on; the code is an `nghttp2_error`.
    case library(code: Int32)
}

/// What a body has to say when it is asked for its next bytes.
package enum BodyStep: Sendable {
    /// Bytes were appended and more may follow at once.
    case more
    /// Nothing now; `HTTP2Session.resume` is called when there is.
    case wait
    /// The body ends with the bytes appended, possibly none.
    case end
}

/// Where the bytes of an outgoing body come from.
package protocol HTTP2BodySource: AnyObject {
    /// Appends at most `space.remaining` bytes. Called while output is drained: it must not call the session.
    func fill(_ space: inout FrameSpace) -> BodyStep
}

/// RFC 9113 7, the codes this project sends.
package enum HTTP2ErrorCode {
    package static let noError: UInt32 = 0
    package static let internalError: UInt32 = 2
    package static let refusedStream: UInt32 = 7
    package static let cancel: UInt32 = 8
    package static let enhanceYourCalm: UInt32 = 11
}
