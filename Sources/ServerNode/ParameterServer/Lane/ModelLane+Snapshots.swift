internal import Domain
internal import Logging
internal import Transport

/// A snapshot of this owner's rows under way: chunks taken on the lane's thread, made and written on the snapshots' own.
final class SnapshotTaking: Sendable {
    let file: UnfinishedSnapshot
    let stream: Locked<SnapshotStream>
    /// Read anew or given up: nothing more of it is taken.
    let isVoid = Locked(false)

    init(_ file: UnfinishedSnapshot, _ stream: SnapshotStream) {
        self.file = file
        self.stream = Locked(stream)
    }
}

extension ModelLane {
    func beginSnapshot() {
        guard let snapshots else { return }
        let shard = Shard(identity.owners.firstIndex(of: node) ?? 0, of: identity.owners.count)
        let stream = SnapshotStream(spec, shard, history: history, version: member.learnedVersion)
        let file: UnfinishedSnapshot
        voidSnapshot()
        do { file = try snapshots.begin(history) } catch {
            tellFailed(error)
            // In a task of its own: the clock that asked is in the middle of a turn.
            return thread.run {
                self.member.snapshotFailed(self.now)
                self.flush()
            }
        }
        let taking = SnapshotTaking(file, stream)
        snapshot = taking
        snapshots.thread.run { file.append(stream.begin()) }
        takeChunk(taking)
    }

    /// Copies the next rows between two rounds; when they are written the next ones are asked for.
    private func takeChunk(_ taking: SnapshotTaking) {
        runWithRows { lane in
            guard !taking.isVoid.withLockedValue({ $0 }), let snapshots = lane.snapshots else { return }
            guard let range = taking.stream.withLockedValue({ $0.nextRange }) else {
                lane.member.snapshotTaken(lane.now)
                return lane.flush()
            }
            let state = lane.member.state(range)
            taking.stream.withLockedValue { $0.tookRange() }
            snapshots.thread.run {
                let chunk = taking.stream.withLockedValue { $0 }.chunk(range, state)
                if !chunk.isEmpty { taking.file.append(chunk) }
                lane.takeChunk(taking)
            }
        }
    }

    /// The rows of a commit behind the copy's beginning.
    func appendToSnapshot(_ entry: JournalEntry) {
        guard let taking = snapshot, case .commit(_, _, let rows) = entry, !rows.isEmpty else { return }
        snapshots?.thread.run { taking.file.append(rows) }
    }

    func endSnapshot(_ footer: SnapshotFooter) {
        guard let taking = snapshot else { return }
        if let earlier = endedSnapshot?.taking { snapshots?.thread.run { earlier.file.discard() } }
        endedSnapshot = (taking, SnapshotFolder.Name(number: footer.header.number, version: footer.header.version))
        snapshot = nil
        snapshots?.thread.run {
            taking.file.append(taking.stream.withLockedValue { $0 }.end(footer))
            taking.file.sync()
        }
    }

    /// Gives the snapshot its name, removes the oldest, and lets the journal forget what they replace.
    func keepSnapshot() {
        guard let (taking, name) = endedSnapshot, let snapshots else { return }
        endedSnapshot = nil
        let (history, journal) = (history, journal)
        snapshots.thread.run {
            do {
                try taking.file.keep(name)
                try snapshots.removeOld(history, keeping: Limits.Snapshot.keptCount)
            } catch {
                taking.file.discard()
                self.tellFailed(error)
                return self.thread.run { self.member.snapshotNotKept(self.now) }
            }
            // Back to the one before the newest, so that either is enough.
            let names = snapshots.names(history)
            if names.count >= Limits.Snapshot.keptCount, let oldest = names.last {
                journal?.forget(history, through: oldest.number)
            }
            self.snapshotVersion.withLockedValue { $0 = name.version }
        }
    }

    func voidSnapshot() {
        for taking in [snapshot, endedSnapshot?.taking].compactMap({ $0 }) {
            taking.isVoid.withLockedValue { $0 = true }
            snapshots?.thread.run { taking.file.discard() }
        }
        (snapshot, endedSnapshot) = (nil, nil)
    }

    /// The model is gone. On any thread.
    func forgetSnapshots() {
        let (history, log) = (history, log)
        snapshots?.thread.run { [snapshots] in
            do { try snapshots?.removeAll(history) } catch {
                log.error("snapshots of a deleted model are left", metadata: ["error": "\(error)"])
            }
        }
    }

    private func tellFailed(_ error: any Error) {
        log.error(
            "a snapshot was not written; the journal keeps all that it would replace",
            metadata: ["error": "\(error)"])
    }
}
