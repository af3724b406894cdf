/// What the session knows of one stream. Records live as long as their session and are used again.
///
/// The library holds a record's address as the stream's user data, so that no dictionary stands on the path of a
/// request; the session's `records` keeps it alive. Exclusivity: see `HTTP2Inbox`.
final class StreamRecord {
    let index: StreamIndex
    /// 0 while the record is free.
    @safe @exclusivity(unchecked) var streamID: Int32 = 0
    /// Replaced when someone may still read an earlier message from it.
    @safe @exclusivity(unchecked) var headers = HeaderBlock()
    /// Where our side's body comes from; nil when there is none or it has ended.
    @safe @exclusivity(unchecked) var body: (any HTTP2BodySource)?
    /// Bytes received which the stream's window does not know to be consumed.
    @safe @exclusivity(unchecked) var unconsumedStreamByteCount = 0
    /// Bytes received which the connection's window does not know to be consumed.
    @safe @exclusivity(unchecked) var unconsumedConnectionByteCount = 0
    /// Whether a final header block was delivered: what follows are trailers.
    @safe @exclusivity(unchecked) var hasHead = false
    @safe @exclusivity(unchecked) var hasRemoteEnded = false
    @safe @exclusivity(unchecked) var hasLocalEnded = false
    /// Whether the library waits for `resume` before it asks `body` again.
    @safe @exclusivity(unchecked) var isDeferred = false
    /// Whether the reset on its way out is our own decision and not an answer to the peer's mistake.
    @safe @exclusivity(unchecked) var isResetByUs = false

    init(index: StreamIndex) {
        self.index = index
    }

    func begin(streamID: Int32) {
        self.streamID = streamID
        headers.reset()
        body = nil
        unconsumedStreamByteCount = 0
        unconsumedConnectionByteCount = 0
        hasHead = false
        hasRemoteEnded = false
        hasLocalEnded = false
        isDeferred = false
        isResetByUs = false
    }
}
