internal import CNghttp2
internal import Domain

extension HTTP2Session {
    /// Hands every queued frame to `write`, oldest first, until nothing is left or `write` returns false.
    ///
    /// Frames are made here, so `closed` and `answeredEarly` events follow: read them after. Codes of `mem_send`:
    /// `NOMEM`, `CALLBACK_FAILURE` → `library`. Too many resets → `abusive`, after the frames were handed over.
    package func drain(_ write: (RawSpan) -> Bool) throws(HTTP2Failure) {
        while true {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            if count < 0 { throw .library(code: Int32(truncatingIfNeeded: count)) }
            guard count > 0, let start = unsafe bytes else { break }
            let goesOn = unsafe write(RawSpan(_unsafeStart: start, byteCount: count))
            if !goesOn { break }
        }
        if let failure = inbox.failure { throw failure }
    }

    /// Whether the library has a frame to send now.
    package var wantsWrite: Bool { unsafe nghttp2_session_want_write(session) != 0 }

    /// Answers a request. Status, content type and the number's name are static bytes which are not copied; `extra` is.
    ///
    /// A stream which the peer has reset meanwhile is no error: nothing is sent and its `closed` follows.
    /// - Parameters:
    ///   - number: one more field, for answers that are too frequent to make text of it. Not together with `extra`.
    ///   - body: asked for bytes while output is drained; nil for an answer without body.
    package func respond(
        _ index: StreamIndex, status: Int, contentType: StaticString?, number: NumberField? = nil,
        extra: [(String, String)], body: (any HTTP2BodySource)?
    ) {
        precondition(number == nil || extra.isEmpty, "an answer has a number or other fields of its own, not both")
        inbox.withRecord(index) { record in
            guard record.streamID != 0, !record.hasLocalEnded else { return }
            if extra.isEmpty, let text = StatusText(status) {
                unsafe NumberField.withDigits(number?.value ?? 0) { digits in
                    unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: 3) { fields in
                        unsafe fields.initializeElement(at: 0, to: .shared(":status", text.text))
                        var count = 1
                        if let contentType {
                            unsafe fields.initializeElement(at: count, to: .shared("content-type", contentType))
                            count += 1
                        }
                        if let number {
                            unsafe fields.initializeElement(at: count, to: .copied(number.name, digits))
                            count += 1
                        }
                        unsafe submitResponse(record, fields, count: count, body)
                    }
                }
                return
            }
            var pairs = [(":status", String(status))]
            if let contentType { pairs.append(("content-type", contentType.description)) }
            if let number { pairs.append(number.pair) }
            unsafe NameValueList(pairs + extra).withFields { fields in
                unsafe submitResponse(record, fields, count: fields.count, body)
            }
        }
    }

    private func submitResponse(
        _ record: StreamRecord, _ fields: UnsafeMutableBufferPointer<nghttp2_nv>, count: Int,
        _ body: (any HTTP2BodySource)?
    ) {
        // Codes: STREAM_CLOSED and DATA_EXIST (the peer was faster) and NOMEM end in the stream's `closed` event.
        var code: Int32
        if let body {
            record.body = body
            var provider = unsafe nghttp2_data_provider()
            unsafe provider.source.ptr = Unmanaged.passUnretained(record).toOpaque()
            unsafe provider.read_callback = HTTP2Callbacks.readBody
            code = unsafe nghttp2_submit_response(session, record.streamID, fields.baseAddress, count, &provider)
        } else {
            code = unsafe nghttp2_submit_response(session, record.streamID, fields.baseAddress, count, nil)
        }
        if code != 0 {
            record.body = nil
            reset(record.index, code: HTTP2ErrorCode.internalError)
        }
    }

    /// Opens a stream for a request (client).
    /// - Returns: the stream's index; its `closed` event follows in every case.
    package func request(
        method: Method, path: String, authority: String, extra: [(String, String)], body: (any HTTP2BodySource)?
    ) throws(HTTP2Failure) -> StreamIndex {
        if let failure = inbox.failure { throw failure }
        let pairs = [
            (":method", method.name.description), (":scheme", "http"), (":path", path), (":authority", authority),
        ]
        let record = inbox.acquireRecord(streamID: -1)
        record.body = body
        let list = NameValueList(pairs + extra)
        let streamID = unsafe list.withFields { fields in
            var provider = unsafe nghttp2_data_provider()
            let user = unsafe Unmanaged.passUnretained(record).toOpaque()
            unsafe provider.source.ptr = user
            unsafe provider.read_callback = HTTP2Callbacks.readBody
            guard body != nil else {
                return unsafe nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, nil, user)
            }
            return unsafe nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, &provider, user)
        }
        guard streamID > 0 else {
            inbox.release(record.index)
            throw .library(code: streamID)
        }
        record.streamID = streamID
        return record.index
    }

    /// Asks a body which said `wait` again.
    package func resume(_ index: StreamIndex) {
        let record = inbox.records[index]
        guard record.isDeferred, record.streamID > 0 else { return }
        record.isDeferred = false
        // INVALID_ARGUMENT: the stream is gone and its `closed` is on its way.
        _ = unsafe nghttp2_session_resume_data(session, record.streamID)
    }

    /// Ends a stream at once. Its `closed` follows after the next `drain`.
    package func reset(_ index: StreamIndex, code: UInt32) {
        let record = inbox.records[index]
        guard record.streamID > 0 else { return }
        record.isResetByUs = true
        // NOMEM is the only code left; the connection's next call reports it too.
        _ = unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), record.streamID, code)
    }

    /// Tells the peer that it may send this many bytes more on the stream.
    package func consume(_ index: StreamIndex, byteCount: Int) {
        let record = inbox.records[index]
        guard record.streamID > 0 else { return }
        let connection = min(byteCount, record.unconsumedConnectionByteCount)
        consumeConnection(record, byteCount: connection)
        let stream = min(byteCount, record.unconsumedStreamByteCount)
        record.unconsumedStreamByteCount -= stream
        // The library ignores a stream that has closed meanwhile.
        if stream > 0 { _ = unsafe nghttp2_session_consume_stream(session, record.streamID, stream) }
    }

    /// Counts a whole body's bytes as consumed. The stream's own window, which a small body never fills, is told in
    /// large steps, since finding the stream costs a lookup.
    package func consumeLazily(_ index: StreamIndex) {
        let unconsumedByteCount = inbox.withRecord(index) { record in
            consumeConnection(record, byteCount: record.unconsumedConnectionByteCount)
            return record.unconsumedStreamByteCount
        }
        guard unconsumedByteCount >= Limits.HTTP.streamConsumeByteCount else { return }
        consume(index, byteCount: unconsumedByteCount)
    }

    /// What a closed stream never consumed would be lost to the connection's window.
    func settleConnectionWindow(_ record: StreamRecord) {
        consumeConnection(record, byteCount: record.unconsumedConnectionByteCount)
    }

    private func consumeConnection(_ record: StreamRecord, byteCount: Int) {
        guard byteCount > 0 else { return }
        record.unconsumedConnectionByteCount -= byteCount
        // NOMEM is the only code left; the connection's next call reports it too.
        _ = unsafe nghttp2_session_consume_connection(session, byteCount)
    }

    /// First step of a drain: the peer learns that it should stop, and loses nothing it has sent (RFC 9113 6.8). A PING
    /// goes with it: its answer says that one round trip has passed.
    package func noticeShutdown() {
        _ = unsafe nghttp2_submit_shutdown_notice(session)
        _ = unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
    }

    /// Second step: streams above the last one seen are refused, the others run to their end.
    package func refuseNewStreams() {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        _ = unsafe nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, HTTP2ErrorCode.noError, nil, 0)
    }

    /// Queues a last GOAWAY. Never called from a callback, where it can abort: after it, drain once and close.
    package func farewell(code: UInt32) {
        _ = unsafe nghttp2_session_terminate_session(session, code)
    }
}
