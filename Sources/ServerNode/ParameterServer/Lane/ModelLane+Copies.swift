package import Domain
internal import Format
internal import Scoring
package import Transport

/// Copies of this node's rows, taken while nothing is tentative.
extension ModelLane {
    /// Begins a copy: its first bytes, and the number of the first part that must be applied to it.
    ///
    /// Chunks are taken when nothing is tentative, so a row may be newer in its chunk than in a part that follows; the
    /// parts up to the copy's end bring every such row to the end's version.
    package func beginCopy() -> (copy: LaneCopy, bytes: Bytes, endNumber: UInt64) {
        thread.precondition()
        let (version, endNumber) = hub.position
        let shard = ownShard
        let stream = CopyStream(
            spec: currentSpec, shard: shard, history: history, version: version,
            watermarkMilliseconds: millisecondsSince1970())
        let copy = LaneCopy(stream, version: version, replayCount: replayCount)
        return (copy, Bytes(bytes: stream.begin()), endNumber)
    }

    /// Whether the rows were read anew since the copy began: what it has may never have been.
    package func isVoid(_ copy: LaneCopy) -> Bool { copy.replayCount != replayCount }

    /// The next chunk, or nil behind the last.
    package func chunk(of copy: LaneCopy) -> Bytes? {
        thread.precondition()
        guard let range = copy.stream.nextRange else { return nil }
        member.weights(range, into: &copy.weights)
        return Bytes(bytes: copy.stream.chunk(copy.weights))
    }

    /// Ends a copy at the first publish that has everything its chunks may have: every row is then that of the publish's
    /// version, once the parts are applied.
    ///
    /// - Parameter told: the version that the copy is, and the record that says so; nil when the copy is void.
    package func endCopy(_ copy: LaneCopy, _ told: @escaping @Sendable ((version: Version, record: Bytes)?) -> Void) {
        thread.precondition()
        copyEnds.append((copy.version, member.settlingVersion, told))
        endCopies()
        if !copyEnds.isEmpty { member.publishSoon(now) }
        flush()
    }

    func endCopies() {
        let version = hub.position.version
        let ends = copyEnds.filter { $0.settled <= version }
        copyEnds.removeAll { $0.settled <= version }
        for end in ends {
            var bytes: [UInt8] = []
            appendMark(.copyEnd, stamp: stamp(from: end.base, to: version), to: &bytes)
            end.told((version, Bytes(bytes: bytes)))
        }
    }

    /// The rows are read anew: copies under way are of no use.
    func voidCopies() {
        replayCount += 1
        let ends = copyEnds
        copyEnds = []
        for end in ends { end.told(nil) }
    }

    /// Lets whoever waits read rows, one between two rounds, so that a round is held up by one chunk at most.
    func readRows() {
        while !rowReaders.isEmpty {
            guard member.hasSettledRows else {
                member.wantsPause = true
                return
            }
            rowReaders.removeFirst()(self)
            guard member.isPaused else { continue }
            member.resume(now)
            return flush()
        }
        // Nobody is left to pause for, or the last reader came between two batches.
        guard member.wantsPause else { return }
        member.resume(now)
        if !member.outputs.isEmpty { flush() }
    }

    func stamp(from base: Version, to version: Version) -> RecordStamp {
        RecordStamp(
            history: history, baseVersion: base, version: version, watermarkMilliseconds: millisecondsSince1970(),
            fingerprint: spec.fingerprint, ownerIndex: UInt16(identity.owners.firstIndex(of: node) ?? 0),
            ownerCount: UInt16(identity.owners.count))
    }
}
