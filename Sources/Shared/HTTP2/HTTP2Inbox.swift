internal import Domain

/// What the library's callbacks fill and the session reads: records, events and the reason to stop.
///
/// Alive as long as the session's C side. Callbacks never call back into the session; they leave a note here.
@safe final class HTTP2Inbox {
    let role: HTTP2Role
    /// Every record ever made; a stream's position here is its `StreamIndex`.
    var records: [StreamRecord] = []
    /// Records whose stream is closed and whose `closed` event was read.
    var freeIndices: [StreamIndex] = []
    /// Streams between their first frame and their `closed` event.
    var openStreamCount = 0
    var events: [HTTP2Event] = []
    /// The first event not read.
    var nextEvent = 0
    var budget = FrameBudget()
    var malformedMessageCount = 0
    /// Set once; the callback that sets it stops the library where that is safe.
    var failure: HTTP2Failure?
    /// The record whose header block is being read; header blocks never interleave (RFC 9113 4.3).
    var headerRecord: StreamRecord?
    /// The slice being received; data positions count from its start. Valid only inside `receive`.
    var sliceStart: UnsafeRawPointer?
    var sliceByteCount = 0

    init(role: HTTP2Role) {
        self.role = role
        events.reserveCapacity(512)
    }

    func acquireRecord(streamID: Int32) -> StreamRecord {
        openStreamCount += 1
        if let index = freeIndices.popLast() {
            let record = records[index]
            record.begin(streamID: streamID)
            return record
        }
        let record = StreamRecord(index: records.count)
        records.append(record)
        record.begin(streamID: streamID)
        return record
    }

    func release(_ index: StreamIndex) {
        let record = records[index]
        record.streamID = 0
        record.body = nil
        openStreamCount -= 1
        freeIndices.append(index)
    }

    /// Takes tokens. - Returns: false when the peer has none left; the failure is then noted.
    func charge(_ cost: Int) -> Bool {
        if budget.charge(cost) { return true }
        if failure == nil { failure = .abusive }
        return false
    }
}
