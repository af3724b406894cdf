internal import Domain
internal import Format
internal import Scoring

/// A copy of a model's rows under way for one follower, taken chunk by chunk between batches.
///
/// Safe because only the lane's thread touches it, in `ModelLane`'s methods, which check that.
package final class LaneCopy: @unchecked Sendable {
    var stream: CopyStream
    var weights = [Float](repeating: 0, count: Limits.Copy.chunkIndexCount)

    /// Where the copy began.
    let version: Version

    init(_ stream: CopyStream, version: Version) {
        self.stream = stream
        self.version = version
    }
}
