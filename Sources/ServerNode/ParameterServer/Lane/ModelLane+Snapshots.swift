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
        let shard = ownShard
        let stream = SnapshotStream(spec, shard, history: history, version: member.learnedVersion)
        let file: UnfinishedSnapshot
        voidSnapshot()
        do { file = try snapshots.begin(history) } catch {
            tellFailed(error)
            // In a task of its own: the clock that asked is in the middle of a turn.
            return thread.run {
                self.member.snapshotFailed(self.now)
                self.tellSnapshot(nil)
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
            do { try taking.file.keep(name) } catch {
                taking.file.discard()
                self.tellFailed(error)
                return self.thread.run {
                    self.member.snapshotNotKept(self.now)
                    self.tellSnapshot(nil)
                }
            }
            // First: whoever asks behind the answers finds it.
            self.watchIdle(name)
            self.thread.run {
                self.tellSnapshot(name)
                self.flush()
            }
            // Back to the one before the newest, so that either is enough.
            let names = snapshots.names(history)
            guard names.count >= Limits.Snapshot.keptCount else { return }
            journal?.forget(history, through: names[Limits.Snapshot.keptCount - 1].number) { restored in
                snapshots.thread.run { self.removeOldSnapshots(restored) }
            }
        }
    }

    /// The model begins with a snapshot, or has taken one. If it learns nothing until the next would be due, it shall not keep the
    /// node's journal from shrinking.
    package func watchIdle(_ name: SnapshotFolder.Name) {
        newestKept.withLockedValue { $0 = name }
        copyToMirror(name)
        thread.run(after: snapshotInterval) { self.forgetIfIdle(name) }
    }

    /// Read whole once more the newest snapshot is enough: every commit is in it.
    private func forgetIfIdle(_ name: SnapshotFolder.Name) {
        guard let snapshots, closedReason.withLockedValue({ $0 }) == nil, newestSnapshot == name,
            member.log.number == name.number
        else { return }
        let (history, journal, spec, shard) = (history, journal, spec, ownShard)
        snapshots.thread.run {
            do throws(SnapshotFailure) { _ = try snapshots.readWhole(history, name, spec, shard) } catch {
                return self.log.error(
                    "the newest snapshot cannot be read: the journal keeps what it would replace",
                    metadata: ["error": "\(error)"])
            }
            journal?.forget(history, through: name.number) { restored in
                snapshots.thread.run { self.removeOldSnapshots(restored) }
            }
        }
    }

    private func removeOldSnapshots(_ restored: Set<UInt64>) {
        do { try snapshots?.removeOld(history, keeping: Limits.Snapshot.keptCount, and: restored) } catch {
            log.error("old snapshots are left", metadata: ["error": "\(error)"])
        }
    }

    /// Copies a snapshot to the mirror, which keeps more of them; tries again while it is the newest.
    private func copyToMirror(_ name: SnapshotFolder.Name) {
        guard let mirror, let snapshots else { return }
        let (history, log) = (history, log)
        mirror.thread.run {
            do { try mirror.copy(history, name, from: snapshots) } catch {
                log.error(
                    "a snapshot is not in the mirror",
                    metadata: ["path": "\(mirror.path(history, name))", "error": "\(error)"])
                self.thread.run(after: Limits.Snapshot.retryWait) {
                    let isOpen = self.closedReason.withLockedValue { $0 } == nil
                    if isOpen && self.newestSnapshot == name { self.copyToMirror(name) }
                }
                return
            }
            self.newestMirrored.withLockedValue { $0 = name }
            do { try mirror.removeOld(history, keeping: Limits.Snapshot.mirroredCount, and: []) } catch {
                log.error("old snapshots are left in the mirror", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Reads a commit's snapshot whole, on the reading thread, and keeps it.
    func pinSnapshot(_ number: UInt64, for command: UInt32) {
        guard let snapshots else {
            return tellPinned(command, .failure(SnapshotFailure(description: "it keeps no snapshots")))
        }
        let (history, spec, shard) = (history, spec, ownShard)
        // Behind the keeping of one that has just become stable.
        snapshots.thread.run {
            snapshots.pin(history, number)
            snapshots.readingThread.run {
                let result = Result { () throws(SnapshotFailure) in
                    guard let name = snapshots.names(history).first(where: { $0.number == number }) else {
                        throw SnapshotFailure(description: "it keeps no snapshot of commit \(number)")
                    }
                    return try snapshots.readWhole(history, name, spec, shard)
                }
                self.tellPinned(command, result)
            }
        }
    }

    private func tellPinned(_ command: UInt32, _ result: Result<SnapshotFooter, SnapshotFailure>) {
        thread.run {
            self.member.snapshotPinned(command, result, self.now)
            self.flush()
        }
    }

    func voidSnapshot() {
        for taking in [snapshot, endedSnapshot?.taking].compactMap({ $0 }) {
            taking.isVoid.withLockedValue { $0 = true }
            snapshots?.thread.run { taking.file.discard() }
        }
        (snapshot, endedSnapshot) = (nil, nil)
    }

    var newestSnapshot: SnapshotFolder.Name? { newestKept.withLockedValue { $0 } }

    /// The model is gone. On any thread. What the mirror has stays: it is for mistakes, too.
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
