internal import CNghttp2
internal import Domain

/// One HTTP/2 connection without I/O: bytes in, events out, bytes out (RFC 9113, by libnghttp2).
///
/// The caller feeds slices of at most `Limits.HTTP.receiveSliceByteCount` and, after each, reads all events and drains
/// the output. Not thread-safe: one owner, one thread. The methods change only what the session points to, so a class
/// may hold it in a `let` and pays no exclusivity checks.
@safe package struct HTTP2Session: ~Copyable {
    /// Freed exactly once, in `deinit`, before `inbox`.
    let session: OpaquePointer
    let inbox: HTTP2Inbox
    /// What the C side allocates from; outlives `session`.
    private let memory: LibraryMemory

    /// - Throws: `HTTP2Failure.library` when memory is short.
    package init(_ role: HTTP2Role) throws(HTTP2Failure) {
        let inbox = HTTP2Inbox(role: role)
        let memory = LibraryMemory()
        let session = unsafe try HTTP2Session.open(role, inbox, memory)
        unsafe self.session = session
        self.inbox = inbox
        self.memory = memory
    }

    deinit { unsafe nghttp2_session_del(session) }

    private static func open(
        _ role: HTTP2Role, _ inbox: HTTP2Inbox, _ memory: LibraryMemory
    ) throws(HTTP2Failure) -> OpaquePointer {
        let shortOfMemory = HTTP2Failure.library(code: NGHTTP2_ERR_NOMEM.rawValue)
        var callbacks: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0, let callbacks = unsafe callbacks else {
            throw shortOfMemory
        }
        defer { unsafe nghttp2_session_callbacks_del(callbacks) }
        unsafe HTTP2Callbacks.install(on: callbacks)
        var option: OpaquePointer?
        guard unsafe nghttp2_option_new(&option) == 0, let option = unsafe option else { throw shortOfMemory }
        defer { unsafe nghttp2_option_del(option) }
        unsafe HTTP2Session.configure(option)
        var created: OpaquePointer?
        let user = unsafe Unmanaged.passUnretained(inbox).toOpaque()
        // The library copies the functions' addresses.
        var allocator = unsafe memory.callbacks
        let code =
            switch role {
            case .server: unsafe nghttp2_session_server_new3(&created, callbacks, user, option, &allocator)
            case .client: unsafe nghttp2_session_client_new3(&created, callbacks, user, option, &allocator)
            }
        guard code == 0, let created = unsafe created else { throw .library(code: code) }
        let announced = unsafe announce(role, to: created)
        guard announced == 0 else {
            unsafe nghttp2_session_del(created)
            throw .library(code: announced)
        }
        return unsafe created
    }

    private static func configure(_ option: OpaquePointer) {
        unsafe nghttp2_option_set_no_auto_window_update(option, 1)
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        unsafe nghttp2_option_set_stream_reset_rate_limit(
            option, Limits.HTTP.resetBurst, Limits.HTTP.resetsPerSecond)
        unsafe nghttp2_option_set_max_continuations(option, Limits.HTTP.continuationFrameCountMax)
        unsafe nghttp2_option_set_max_outbound_ack(option, Limits.HTTP.outboundAckCountMax)
        unsafe nghttp2_option_set_max_settings(option, Limits.HTTP.settingsEntryCountMax)
        // The library passes over unknown types silently; asked for, they reach `onBeginFrame` and its budget.
        for type in UInt8(10)...255 { unsafe nghttp2_option_set_user_recv_extension_type(option, type) }
        unsafe nghttp2_option_set_peer_max_concurrent_streams(option, Limits.HTTP.concurrentStreamCountMax)
    }

    /// Queues our SETTINGS and opens the connection's window. Must come first: before, the peer's limits are infinite.
    private static func announce(_ role: HTTP2Role, to session: OpaquePointer) -> Int32 {
        func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
        }
        let common = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(Limits.HTTP.streamWindowByteCount)),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(Limits.HTTP.headerListByteCountMax)),
            entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        let settings =
            switch role {
            case .server:
                common + [entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Limits.HTTP.concurrentStreamCountMax)]
            case .client: common + [entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)]
            }
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        let code = unsafe settings.withUnsafeBufferPointer { entries in
            unsafe nghttp2_submit_settings(session, flags, entries.baseAddress, entries.count)
        }
        guard code == 0 else { return code }
        return unsafe nghttp2_session_set_local_window_size(session, flags, 0, Limits.HTTP.connectionWindowByteCount)
    }

    /// Feeds bytes from the peer. Codes: `BAD_CLIENT_MAGIC` → `notHTTP2`; `CALLBACK_FAILURE` → what the callback
    /// noted; `FLOODED`, `TOO_MANY_CONTINUATIONS` → `abusive`; `NOMEM` → `library`.
    /// - Parameter nowNanoseconds: of any monotonic clock.
    /// - Precondition: every event of the slice before was read.
    package func receive(_ slice: RawSpan, nowNanoseconds: UInt64) throws(HTTP2Failure) {
        precondition(inbox.nextEvent == inbox.events.count, "events of the slice before were not read")
        inbox.events.removeAll(keepingCapacity: true)
        inbox.nextEvent = 0
        if let failure = inbox.failure { throw failure }
        inbox.budget.refill(nowNanoseconds: nowNanoseconds)
        let received = unsafe slice.withUnsafeBytes { bytes in
            unsafe inbox.sliceStart = bytes.baseAddress
            inbox.sliceByteCount = bytes.count
            let count = unsafe nghttp2_session_mem_recv(session, bytes.baseAddress, bytes.count)
            unsafe inbox.sliceStart = nil
            return count
        }
        if let failure = inbox.failure { throw failure }
        if received < 0 { throw fail(Int32(truncatingIfNeeded: received)) }
    }

    /// Feeds an array; see `receive(_: RawSpan, nowNanoseconds:)`.
    package func receive(_ slice: ArraySlice<UInt8>, nowNanoseconds: UInt64) throws(HTTP2Failure) {
        let failure = unsafe slice.withUnsafeBytes { bytes -> HTTP2Failure? in
            do throws(HTTP2Failure) {
                try receive(unsafe RawSpan(_unsafeBytes: bytes), nowNanoseconds: nowNanoseconds)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// The next thing the peer did, or nil. Reading a stream's `closed` lets its record be used again, so the caller
    /// must have let go of it before it reads on.
    package func nextEvent() -> HTTP2Event? {
        guard inbox.nextEvent < inbox.events.count else { return nil }
        let event = inbox.events[inbox.nextEvent]
        inbox.nextEvent += 1
        if case .closed(let index, _) = event {
            inbox.withRecord(index) { settleConnectionWindow($0) }
            inbox.release(index)
        }
        return event
    }

    /// Whether the next event is `ended` of this stream: its body is complete as it stands in the slice.
    package func endsNext(_ index: StreamIndex) -> Bool {
        inbox.nextEvent < inbox.events.count && inbox.events[inbox.nextEvent] == .ended(index)
    }

    /// Whether neither side has anything left to say: the connection can be closed.
    package var isFinished: Bool {
        unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    /// Whether a header block has begun and not ended.
    package var isReadingHeaders: Bool { unsafe inbox.headerRecord != nil }

    /// Streams whose `closed` was not read yet.
    package var openStreamCount: Int { inbox.openStreamCount }

    /// The stream's message. Valid until its `closed` is read.
    package func headers(of index: StreamIndex) -> HeaderBlock { inbox.records[index].headers }

    /// Gives the stream's next message other memory, when someone may still read this one.
    package func renewHeaders(of index: StreamIndex) { inbox.records[index].headers = HeaderBlock() }

    /// Records made so far; stream indices are below it.
    package var recordCount: Int { inbox.records.count }

    private func fail(_ code: Int32) -> HTTP2Failure {
        let failure: HTTP2Failure =
            switch nghttp2_error(code) {
            case NGHTTP2_ERR_BAD_CLIENT_MAGIC: .notHTTP2
            case NGHTTP2_ERR_FLOODED, NGHTTP2_ERR_TOO_MANY_CONTINUATIONS: .abusive
            default: .library(code: code)
            }
        inbox.failure = failure
        return failure
    }
}
