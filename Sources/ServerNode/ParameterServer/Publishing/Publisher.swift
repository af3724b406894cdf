package import DeltaFeed
package import Domain
package import Features
internal import Format
package import Learning
package import Transport

/// Turns the rows that changed since the last publish into a part, at a commit.
///
/// Each publish names the next range of rows, 1/1024 of them, whose digest followers compare: all rows within 1024
/// publishes.
package struct Publisher: ~Copyable {
    package let history: History
    package private(set) var version: Version
    package private(set) var publishedRowCount: UInt64 = 0
    package private(set) var publishedByteCount: UInt64 = 0
    private let indexCount: Int
    private let fingerprint: Fingerprint
    private let shard: Shard
    private var dirty: DirtyRows
    private var nextDigestIndex = 0
    private var indices: [UInt32] = []
    private var values: [Float] = []
    private var scratch: [Float] = []

    package init(_ spec: ModelSpec, _ shard: Shard = .whole, history: History, version: Version) {
        self.history = history
        self.version = version
        self.shard = shard
        indexCount = spec.indexCount
        fingerprint = spec.fingerprint
        dirty = DirtyRows(rowCount: spec.indexCount / shard.count)
    }

    /// - Parameter slice: the owner's part of a batch that was learned.
    package mutating func learned(_ slice: borrowing ExampleBatch) { dirty.mark(slice) }

    /// The owner's rows that a commit changed.
    package mutating func learned(_ rows: [UInt32]) { dirty.mark(rows) }

    /// Followers need a copy of this version: what changed before is in it.
    package mutating func begin(at version: Version) {
        dirty.drain(into: &indices)
        self.version = version
    }

    /// The part that leads from the last publish to `version`, which is what the rows hold now.
    ///
    /// - Parameter digestsAllRows: compare everything now, instead of the next range.
    package mutating func publish(
        _ rows: borrowing ModelRows, at version: Version, watermarkMilliseconds: UInt64, digestsAllRows: Bool = false
    ) -> FeedPart<Bytes> {
        indices.removeAll(keepingCapacity: true)
        dirty.drain(into: &indices)
        if values.count < indices.count { values = Array(repeating: 0, count: max(indices.count, 2 * values.count)) }
        rows.weights(at: indices, into: &values)
        if shard.count > 1 {
            for k in indices.indices { indices[k] = UInt32(shard.index(ofRow: Int(indices[k]))) }
        }
        let range = digestsAllRows ? 0..<indexCount : nextDigestRange()
        var stamp = stamp(from: self.version, to: version, watermarkMilliseconds)
        stamp.digest = RangeDigest(
            indices: UInt64(range.lowerBound)..<UInt64(range.upperBound),
            digest: rows.digest(of: range, scratch: &scratch))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(RecordHeader.byteCount + 6 * indices.count + 16)
        if version == self.version {
            appendMark(.heartbeat, stamp: stamp, to: &bytes)
        } else {
            appendRows(
                .delta, stamp: stamp, indices: indices.span, values: values.span.extracting(first: indices.count),
                to: &bytes)
        }
        defer { self.version = version }
        publishedRowCount += UInt64(indices.count)
        publishedByteCount += UInt64(bytes.count)
        return FeedPart(
            base: self.version, version: version, byteCount: bytes.count, bytes: Bytes(bytes: bytes))
    }

    /// Says that nothing changed since the last publish and the watermark moved on.
    package func heartbeat(watermarkMilliseconds: UInt64) -> FeedPart<Bytes> {
        var bytes: [UInt8] = []
        appendMark(.heartbeat, stamp: stamp(from: version, to: version, watermarkMilliseconds), to: &bytes)
        return FeedPart(base: version, version: version, byteCount: bytes.count, bytes: Bytes(bytes: bytes))
    }

    private func stamp(from base: Version, to version: Version, _ watermarkMilliseconds: UInt64) -> RecordStamp {
        RecordStamp(
            history: history, baseVersion: base, version: version, watermarkMilliseconds: watermarkMilliseconds,
            fingerprint: fingerprint, ownerIndex: UInt16(shard.number), ownerCount: UInt16(shard.count))
    }

    private mutating func nextDigestRange() -> Range<Int> {
        let count = max(1, indexCount / Limits.Feed.digestRangeCount)
        let range = nextDigestIndex..<min(nextDigestIndex + count, indexCount)
        nextDigestIndex = range.upperBound == indexCount ? 0 : range.upperBound
        return range
    }
}
