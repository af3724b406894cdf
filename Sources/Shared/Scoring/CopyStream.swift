internal import Configuration
package import Domain
internal import Format

/// A model at one version as a stream of records: spec, copyBegin, chunks of the weights that are not 0, copyEnd.
///
/// The same bytes are a saved model and a new follower's beginning. Made piece by piece, so that whoever owns the rows
/// pauses little: `begin`, then `chunk` for each `nextRange`, then `end`.
package struct CopyStream: Sendable {
    private let spec: ModelSpec
    private var stamp: RecordStamp
    private var nextIndex = 0
    private var digest = WeightDigest()
    private var indices: [UInt32] = []
    private var values: [Float] = []

    package init(spec: ModelSpec, history: History, version: Version, watermarkMilliseconds: UInt64) {
        self.spec = spec
        stamp = RecordStamp(
            history: history, baseVersion: version, version: version, watermarkMilliseconds: watermarkMilliseconds,
            fingerprint: spec.fingerprint)
    }

    package func begin() -> [UInt8] {
        var bytes: [UInt8] = []
        appendSpec(spec.yaml, stamp: stamp, to: &bytes)
        appendMark(.copyBegin, stamp: stamp, to: &bytes)
        return bytes
    }

    /// The indices whose weights the next chunk wants, or nil when all were given.
    package var nextRange: Range<Int>? {
        guard nextIndex < spec.indexCount else { return nil }
        return nextIndex..<min(nextIndex + Limits.Copy.chunkIndexCount, spec.indexCount)
    }

    /// - Parameter weights: of `nextRange`, as they are at the stream's version. Shape [range] or longer.
    package mutating func chunk(_ weights: borrowing [Float]) -> [UInt8] {
        guard let range = nextRange else { preconditionFailure("every chunk was given") }
        let weights = weights.span.extracting(first: range.count)
        indices.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        for k in 0..<range.count where weights[k] != 0 {
            indices.append(UInt32(range.lowerBound + k))
            values.append(weights[k])
        }
        digest = digest + Format.digest(weights: weights, firstIndex: UInt64(range.lowerBound))
        nextIndex = range.upperBound
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
