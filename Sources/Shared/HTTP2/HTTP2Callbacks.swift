internal import CNghttp2
internal import Domain

/// What the library calls. Each copies what it needs into the inbox and returns a code: it never throws, traps on
/// peer data, logs, or calls back into the session (terminating here can abort).
enum HTTP2Callbacks {
    /// `NGHTTP2_ERR_CALLBACK_FAILURE`: ends `mem_recv` or `mem_send` at once; the reason stands in the inbox.
    private static var stop: Int32 { NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }

    static func install(on callbacks: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, user in
            unsafe HTTP2Callbacks.inbox(user)._withUnsafeGuaranteedRef { inbox in
                guard let header = unsafe header else { return 0 }
                return unsafe HTTP2Callbacks.onBeginFrame(header.pointee, inbox)
            }
        }
        unsafe nghttp2_session_callbacks_set_unpack_extension_callback(callbacks) { _, _, _, _ in
            NGHTTP2_ERR_CANCEL.rawValue
        }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { session, frame, user in
            unsafe HTTP2Callbacks.inbox(user)._withUnsafeGuaranteedRef { inbox in
                guard let frame = unsafe frame else { return 0 }
                return unsafe HTTP2Callbacks.onBeginHeaders(session, frame, inbox)
            }
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, _, name, nameByteCount, value, valueByteCount, _, user in
            unsafe HTTP2Callbacks.inbox(user)._withUnsafeGuaranteedRef { inbox in
                unsafe HTTP2Callbacks.onHeader(
                    UnsafeRawBufferPointer(start: name, count: nameByteCount),
                    UnsafeRawBufferPointer(start: value, count: valueByteCount), inbox)
            }
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            session, _, streamID, data, byteCount, user in
            unsafe HTTP2Callbacks.inbox(user)._withUnsafeGuaranteedRef { inbox in
                unsafe HTTP2Callbacks.onData(session, streamID, data, byteCount, inbox)
            }
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { session, frame, user in
            unsafe HTTP2Callbacks.inbox(user)._withUnsafeGuaranteedRef { inbox in
                guard let frame = unsafe frame else { return 0 }
                return unsafe HTTP2Callbacks.onFrame(session, frame, inbox)
            }
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, _, _, user in
            unsafe HTTP2Callbacks.inbox(user)._withUnsafeGuaranteedRef { inbox in
                inbox.malformedMessageCount += 1
                if inbox.malformedMessageCount > Limits.HTTP.malformedMessageCountMax { inbox.failure = .abusive }
                return inbox.charge(Limits.HTTP.malformedCost) && inbox.failure == nil ? 0 : HTTP2Callbacks.stop
            }
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { session, frame, user in
            unsafe HTTP2Callbacks.inbox(user)._withUnsafeGuaranteedRef { inbox in
                guard let frame = unsafe frame else { return 0 }
                return unsafe HTTP2Callbacks.onSent(session, frame, inbox)
            }
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { session, streamID, code, user in
            unsafe HTTP2Callbacks.inbox(user)._withUnsafeGuaranteedRef { inbox in
                unsafe HTTP2Callbacks.withRecord(session, streamID) { record in
                    inbox.events.append(.closed(record.index, errorCode: code))
                }
                return 0
            }
        }
    }

    /// Fills one DATA frame. Bytes appended, or `NGHTTP2_ERR_DEFERRED` when the body has none yet.
    static let readBody: nghttp2_data_source_read_callback = { _, _, target, capacity, flags, source, _ in
        guard let target = unsafe target, let flags = unsafe flags, let pointer = unsafe source?.pointee.ptr else {
            return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        return unsafe Unmanaged<StreamRecord>.fromOpaque(pointer)._withUnsafeGuaranteedRef { record in
            var space = unsafe FrameSpace(base: UnsafeMutableRawPointer(target), capacity: capacity)
            let step = record.body?.fill(&space) ?? .end
            switch step {
            case .more where space.byteCount > 0:
                return space.byteCount
            case .wait where space.byteCount > 0:
                return space.byteCount
            case .more, .wait:
                record.isDeferred = true
                return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            case .end:
                unsafe flags.pointee = NGHTTP2_DATA_FLAG_EOF.rawValue
                record.body = nil
                return space.byteCount
            }
        }
    }

    private static func onBeginFrame(_ header: nghttp2_frame_hd, _ inbox: HTTP2Inbox) -> Int32 {
        let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS: return 0
        case NGHTTP2_DATA where header.length > 0 || endsStream: return 0
        case NGHTTP2_RST_STREAM: return inbox.charge(Limits.HTTP.resetCost) ? 0 : stop
        default: return inbox.charge(1) ? 0 : stop
        }
    }

    private static func onBeginHeaders(
        _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ inbox: HTTP2Inbox
    ) -> Int32 {
        let streamID = unsafe frame.pointee.hd.stream_id
        if inbox.role == .server, unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
            let record = inbox.acquireRecord(streamID: streamID)
            expectFields(of: record, inbox)
            // Fails only for a stream which is not open; this one has just been opened.
            return unsafe nghttp2_session_set_stream_user_data(
                session, streamID, Unmanaged.passUnretained(record).toOpaque())
        }
        inbox.headerRecord = nil
        unsafe withRecord(session, streamID) { record in
            if !record.hasHead { record.headers.reset() }
            expectFields(of: record, inbox)
        }
        return 0
    }

    private static func expectFields(of record: StreamRecord, _ inbox: HTTP2Inbox) {
        unsafe inbox.headerRecord = Unmanaged.passUnretained(record)
        unsafe inbox.headerBlock = Unmanaged.passUnretained(record.headers)
    }

    private static func onHeader(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ inbox: HTTP2Inbox
    ) -> Int32 {
        guard let record = inbox.headerRecord, let block = inbox.headerBlock else { return 0 }
        if unsafe block._withUnsafeGuaranteedRef({ unsafe $0.append(name: name, value: value) }) { return 0 }
        return unsafe record._withUnsafeGuaranteedRef { record in
            // Stopping here is what keeps a small compressed block from costing a large list.
            inbox.failure = .headersTooLarge
            if inbox.role == .server && !record.hasHead { inbox.events.append(.headersTooLarge(record.index)) }
            return stop
        }
    }

    private static func onData(
        _ session: OpaquePointer?, _ streamID: Int32, _ data: UnsafePointer<UInt8>?, _ byteCount: Int,
        _ inbox: HTTP2Inbox
    ) -> Int32 {
        guard let data = unsafe data, let sliceStart = unsafe inbox.sliceStart, byteCount > 0 else { return 0 }
        let start = unsafe UnsafeRawPointer(data) - sliceStart
        // The library points into what it was given; anything else would make the event's range a lie.
        guard start >= 0, start + byteCount <= inbox.sliceByteCount else { return stop }
        unsafe withRecord(session, streamID) { record in
            record.unconsumedStreamByteCount += byteCount
            record.unconsumedConnectionByteCount += byteCount
            inbox.events.append(.data(record.index, start: start, byteCount: byteCount))
        }
        return 0
    }

    private static func onFrame(
        _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ inbox: HTTP2Inbox
    ) -> Int32 {
        let header = unsafe frame.pointee.hd
        let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS:
            guard let record = inbox.headerRecord else { return 0 }
            inbox.headerRecord = nil
            unsafe record._withUnsafeGuaranteedRef { record in
                // An interim answer (1xx) is followed by the real one.
                let isInterim = inbox.role == .client && (100..<200).contains(record.headers.status)
                if !record.hasHead && !isInterim {
                    record.hasHead = true
                    inbox.events.append(.head(record.index))
                }
                if endsStream { ended(record, inbox) }
            }
        case NGHTTP2_DATA:
            // Padding alone is an empty frame in disguise (CVE-2019-9518).
            if !endsStream, header.length > 0, unsafe frame.pointee.data.padlen >= header.length, !inbox.charge(1) {
                return stop
            }
            if endsStream { unsafe withRecord(session, header.stream_id) { ended($0, inbox) } }
        case NGHTTP2_PING where header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0:
            inbox.events.append(.pingAcknowledged)
        case NGHTTP2_GOAWAY:
            inbox.events.append(.goAwayReceived)
        default: break
        }
        return 0
    }

    private static func ended(_ record: StreamRecord, _ inbox: HTTP2Inbox) {
        guard !record.hasRemoteEnded else { return }
        record.hasRemoteEnded = true
        inbox.events.append(.ended(record.index))
    }

    private static func onSent(
        _ session: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>, _ inbox: HTTP2Inbox
    ) -> Int32 {
        let header = unsafe frame.pointee.hd
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS, NGHTTP2_DATA:
            if header.type == UInt8(NGHTTP2_DATA.rawValue) { inbox.budget.credit(Limits.HTTP.dataSentCredit) }
            guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return 0 }
            guard inbox.role == .server else { return 0 }
            unsafe withRecord(session, header.stream_id) { record in
                record.hasLocalEnded = true
                if !record.hasRemoteEnded { inbox.events.append(.answeredEarly(record.index)) }
            }
        case NGHTTP2_RST_STREAM:
            // A peer that makes the library reset streams is as costly as one that resets them (CVE-2025-8671).
            var isOurs = false
            unsafe withRecord(session, header.stream_id) { isOurs = $0.isResetByUs }
            if !isOurs { _ = inbox.charge(Limits.HTTP.resetCost) }
        default: break
        }
        return 0
    }

    private static func inbox(_ user: UnsafeMutableRawPointer?) -> Unmanaged<HTTP2Inbox> {
        guard let user = unsafe user else { preconditionFailure("the library lost the session's inbox") }
        return unsafe Unmanaged.fromOpaque(user)
    }

    private static func withRecord(_ session: OpaquePointer?, _ streamID: Int32, _ body: (StreamRecord) -> Void) {
        guard let pointer = unsafe nghttp2_session_get_stream_user_data(session, streamID) else { return }
        unsafe Unmanaged<StreamRecord>.fromOpaque(pointer)._withUnsafeGuaranteedRef { body($0) }
    }
}
