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
    /// How often the rows had been read anew by then.
    let replayCount: Int

    init(_ stream: CopyStream, version: Version, replayCount: Int) {
        self.stream = stream
        self.version = version
        self.replayCount = replayCount
    }
}
