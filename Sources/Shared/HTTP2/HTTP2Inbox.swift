internal import Domain

/// What the library's callbacks fill and the session reads: records, events and the reason to stop.
///
/// Alive as long as the session's C side. Callbacks never call back into the session; they leave a note here.
///
/// Run-time exclusivity checks are off for what every frame touches (docs/decisions/0002-exclusivity-checks.md). Safe
/// because no method here calls out while it changes a property, and one thread owns a session.
@safe final class HTTP2Inbox {
    let role: HTTP2Role
    /// Every record ever made, kept alive here; a stream's position is its `StreamIndex`.
    private(set) var records: [StreamRecord] = []
    /// The same records without a count, for the paths every request takes.
    @safe @exclusivity(unchecked) private var hotRecords: [Unmanaged<StreamRecord>] = unsafe []
    /// Records whose stream is closed and whose `closed` event was read.
    @safe @exclusivity(unchecked) var freeIndices: [StreamIndex] = []
    /// Streams between their first frame and their `closed` event.
    @safe @exclusivity(unchecked) var openStreamCount = 0
    @safe @exclusivity(unchecked) var events: [HTTP2Event] = []
    /// The first event not read.
    @safe @exclusivity(unchecked) var nextEvent = 0
    @safe @exclusivity(unchecked) var budget = FrameBudget()
    var malformedMessageCount = 0
    /// Set once; the callback that sets it stops the library where that is safe.
    @safe @exclusivity(unchecked) var failure: HTTP2Failure?
    /// The record whose header block is being read; header blocks never interleave (RFC 9113 4.3).
    @safe @exclusivity(unchecked) var headerRecord: Unmanaged<StreamRecord>?
    /// Where its fields go: `headerRecord`'s block, without a count.
    @safe @exclusivity(unchecked) var headerBlock: Unmanaged<HeaderBlock>?
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
            let record = unsafe hotRecords[index]._withUnsafeGuaranteedRef { $0 }
            record.begin(streamID: streamID)
            return record
        }
        let record = StreamRecord(index: records.count)
        records.append(record)
        unsafe hotRecords.append(Unmanaged.passUnretained(record))
        record.begin(streamID: streamID)
        return record
    }

    /// Runs `body` with a record, without counting a reference.
    func withRecord<Result>(_ index: StreamIndex, _ body: (StreamRecord) -> Result) -> Result {
        unsafe hotRecords[index]._withUnsafeGuaranteedRef(body)
    }

    func release(_ index: StreamIndex) {
        withRecord(index) { record in
            record.streamID = 0
            record.body = nil
        }
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
