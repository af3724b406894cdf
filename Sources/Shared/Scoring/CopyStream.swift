internal import Configuration
package import Domain
internal import Format

/// One owner's part of a model as a stream of records: spec, copyBegin, chunks of the weights that are not 0, copyEnd.
///
/// The same bytes are a saved model (of one owner) and a new follower's beginning. Made piece by piece, so that whoever owns the rows
/// pauses little: `begin`, then `chunk` for each `nextRange`, then `end`.
package struct CopyStream: Sendable {
    private let spec: ModelSpec
    private var stamp: RecordStamp
    private let shard: Shard
    private let rowCount: Int
    private var nextRow = 0
    private var digest = WeightDigest()
    private var indices: [UInt32] = []
    private var values: [Float] = []

    package init(
        spec: ModelSpec, shard: Shard = .whole, history: History, version: Version, watermarkMilliseconds: UInt64
    ) {
        self.spec = spec
        self.shard = shard
        rowCount = spec.indexCount / shard.count
        stamp = RecordStamp(
            history: history, baseVersion: version, version: version, watermarkMilliseconds: watermarkMilliseconds,
            fingerprint: spec.fingerprint, ownerIndex: UInt16(shard.number), ownerCount: UInt16(shard.count))
    }

    package func begin() -> [UInt8] {
        var bytes: [UInt8] = []
        appendSpec(spec.yaml, stamp: stamp, to: &bytes)
        appendMark(.copyBegin, stamp: stamp, to: &bytes)
        return bytes
    }

    /// The owner's rows whose weights the next chunk wants, or nil when all were given.
    package var nextRange: Range<Int>? {
        guard nextRow < rowCount else { return nil }
        return nextRow..<min(nextRow + Limits.Copy.chunkIndexCount, rowCount)
    }

    /// - Parameter weights: of the rows `nextRange`, as they are at the stream's version. Shape [range] or longer.
    package mutating func chunk(_ weights: borrowing [Float]) -> [UInt8] {
        guard let range = nextRange else { preconditionFailure("every chunk was given") }
        let weights = weights.span.extracting(first: range.count)
        indices.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        for k in 0..<range.count where weights[k] != 0 {
            indices.append(UInt32(shard.index(ofRow: range.lowerBound + k)))
            values.append(weights[k])
        }
        digest = digest + Format.digest(weights: weights, firstRow: range.lowerBound, of: shard)
        nextRow = range.upperBound
        var bytes: [UInt8] = []
        appendRows(.chunk, stamp: stamp, indices: indices.span, values: values.span, to: &bytes)
        return bytes
    }

    package mutating func end() -> [UInt8] {
        stamp.digest = RangeDigest(indices: 0..<UInt64(spec.indexCount), digest: digest)
        var bytes: [UInt8] = []
        appendMark(.copyEnd, stamp: stamp, to: &bytes)
        return bytes
    }
}
