internal import DeltaFeed
internal import Domain
internal import Features
internal import Format

/// One owner's feed of a model, as far as its replica has taken it in. Touched by its replica only.
final class OwnerFeed {
    /// Which owner it is, of how many, once its spec has come.
    var shard: Shard?
    var isConnected = false
    var follower = DeltaFollower.waiting
    var reader = RecordReader()
    var window = ByteWindow()
    var specText = ""
    /// The rows unpacked last.
    var indices: [UInt32] = []
    var values: [Float] = []
    /// Deltas applied to the hidden table since readers were last shown something: one can be applied again from memory.
    var deltasSinceFlip = 0
    /// What the owner named last for comparison, and at which version.
    var digest: (range: RangeDigest, version: Version)?
    var watermarkMilliseconds: UInt64 = 0

    var position: FeedMeeting.Position? {
        follower.position.map { FeedMeeting.Position(history: $0.history, version: $0.version) }
    }

    /// Begins to read a new connection: a copy that was under way is void.
    func connect() {
        follower.disconnected()
        reader = RecordReader()
        window.removeAll()
    }

    /// Unpacks rows of the record just read.
    func decodeRows(
        _ header: RecordHeader, _ payload: Range<Int>, indexCount: Int, pauseRowCount: Int, pause: () -> Void
    ) throws(FormatError) {
        let bytes = window.bytes
        try Format.decodeRows(
            header, payload: bytes.span.extracting(payload), indexLimit: UInt64(indexCount), into: &indices,
            values: &values, pauseRowCount: pauseRowCount, pause: pause)
    }
}
