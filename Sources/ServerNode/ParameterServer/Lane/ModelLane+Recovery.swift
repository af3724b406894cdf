internal import Domain
internal import Format
internal import Logging
internal import Transport

/// What a lane reads from this node's disk.
enum Reading {
    /// The commits up to this one, from the newest snapshot on.
    case replay(through: UInt64, epoch: UInt32)
    /// The rows of a commit's snapshot.
    case load(UInt64)
}

/// Rows from this node's disk. Files are read and decoded on their own threads; the lane only sets rows.
extension ModelLane {
    func enqueue(_ reading: Reading) {
        readings.append(reading)
        if readings.count == 1 { readNext() }
    }

    private func readNext() {
        switch readings.first {
        case .replay(let number, let epoch): replay(through: number, epoch)
        case .load(let number):
            member.beginLoad()
            load(number) { lane, failure in
                lane.readings.removeFirst()
                lane.member.endLoad(failure, lane.now)
                lane.readNext()
                lane.flush()
            }
        case nil: break
        }
    }

    private func replay(through number: UInt64, _ epoch: UInt32) {
        guard let journal else {
            // Without a journal there is nothing to begin behind but the model's creation.
            beginReplay(.zero)
            return endReplay(number, epoch, nil)
        }
        let names = snapshots?.names(history).filter { $0.number <= number } ?? []
        journal.published(history, before: number) { published in
            self.thread.run { self.read(names[...], journal, published, through: number, epoch) }
        }
    }

    /// Reads the newest snapshot that can be read, and the commits behind it.
    private func read(
        _ names: ArraySlice<SnapshotFolder.Name>, _ journal: NodeJournal, _ published: Version, through number: UInt64,
        _ epoch: UInt32
    ) {
        guard let name = names.first else {
            beginReplay(published)
            return readCommits(journal, after: 0, through: number, epoch)
        }
        // What changed between an earlier publish and the snapshot is not known.
        beginReplay(max(published, name.version))
        readRows(of: name) { lane, result in
            switch result {
            case .success(let footer):
                lane.member.restored(footer)
                lane.readCommits(journal, after: name.number, through: number, epoch)
            case .failure(let failure):
                lane.log.error("a snapshot cannot be read; the one before is", metadata: ["error": "\(failure)"])
                lane.read(names.dropFirst(), journal, published, through: number, epoch)
            }
        }
    }

    /// Sets the rows of a commit's snapshot; `ended` is told why it could not, or nil.
    private func load(_ number: UInt64, _ ended: @escaping @Sendable (ModelLane, String?) -> Void) {
        guard let name = snapshots?.names(history).first(where: { $0.number == number }) else {
            return ended(self, "the snapshot of commit \(number) is not on this disk")
        }
        readRows(of: name) { lane, result in
            switch result {
            case .success: ended(lane, nil)
            case .failure(let failure): ended(lane, failure.description)
            }
        }
    }

    /// Sets a snapshot's rows, piece by piece.
    private func readRows(
        of name: SnapshotFolder.Name,
        _ ended: @escaping @Sendable (ModelLane, Result<SnapshotFooter, SnapshotFailure>) -> Void
    ) {
        guard let snapshots else { preconditionFailure("a snapshot's name comes from their folder") }
        let shard = ownShard
        let (path, history, spec) = (snapshots.path(history, name), history, spec)
        snapshots.readingThread.run {
            do throws(SnapshotFailure) {
                let records = try SnapshotRecords.at(path, history, name)
                try records.check(spec)
                self.readRows(SnapshotReading(records, spec, shard), snapshots, ended)
            } catch { self.thread.run { [error] in ended(self, .failure(error)) } }
        }
    }

    /// On the reading thread.
    private func readRows(
        _ reading: SnapshotReading, _ snapshots: SnapshotFolder,
        _ ended: @escaping @Sendable (ModelLane, Result<SnapshotFooter, SnapshotFailure>) -> Void
    ) {
        do throws(SnapshotFailure) {
            guard let rows = try reading.next() else {
                let footer = reading.footer
                return thread.run { ended(self, .success(footer)) }
            }
            thread.run {
                // While these are set, the next are read.
                snapshots.readingThread.run { self.readRows(reading, snapshots, ended) }
                self.member.restore(rows)
            }
        } catch { thread.run { [error] in ended(self, .failure(error)) } }
    }

    /// A commit from the journal, its rows decoded.
    private struct ReadCommit: Sendable {
        var header: CommitHeader
        var clampedCount: Int
        var rows: Result<ReadRows, FormatError>
    }

    private func readCommits(_ journal: NodeJournal, after first: UInt64, through number: UInt64, _ epoch: UInt32) {
        let shard = ownShard
        let spec = spec
        journal.replay(
            history, after: first, through: number,
            NodeJournal.Reader(
                take: { entries, next in
                    // On the journal's thread, while the lane sets the rows before.
                    let commits = entries.compactMap { entry -> ReadCommit? in
                        guard case .commit(let header, let clampedCount, let record) = entry else { return nil }
                        let rows = Result { () throws(FormatError) in
                            var rows = ReadRows()
                            try header.check(spec)
                            try rows.read(record, spec, shard)
                            return rows
                        }
                        return ReadCommit(header: header, clampedCount: clampedCount, rows: rows)
                    }
                    self.thread.run { self.apply(commits[...], through: number, epoch, next) }
                },
                end: { reason in self.thread.run { self.endReplay(number, epoch, reason) } }))
    }

    private func apply(
        _ commits: ArraySlice<ReadCommit>, through number: UInt64, _ epoch: UInt32,
        _ next: @escaping @Sendable () -> Void
    ) {
        let restoring = commits.firstIndex { $0.header.restores > 0 }
        // What is read meanwhile comes behind these, unless these wait for a snapshot.
        if restoring == nil { next() }
        for commit in commits[..<(restoring ?? commits.endIndex)] {
            do throws(FormatError) {
                member.replay(commit.header, clampedCount: commit.clampedCount, rows: try commit.rows.get())
                // The tape may have lost it: nothing waits for a tape.
                if isClock { tape?.append(history, .header(commit.header)) }
            } catch { return endReplay(number, epoch, "the journal's commit \(commit.header.number): \(error)") }
        }
        guard let restoring else { return }
        let (commit, rest) = (commits[restoring], commits[(restoring + 1)...])
        member.beginLoad()
        load(commit.header.restores) { lane, failure in
            if let failure { return lane.endReplay(number, epoch, failure) }
            lane.member.replay(commit.header, clampedCount: commit.clampedCount, rows: ReadRows())
            if lane.isClock { lane.tape?.append(lane.history, .header(commit.header)) }
            lane.apply(rest, through: number, epoch, next)
        }
    }

    private func beginReplay(_ published: Version) {
        voidCopies()
        member.beginReplay(published: published)
        // Followers that hold that version go on; those of a node that lives on have what the ring says.
        hub.begin(at: member.releasedVersion)
    }

    private func endReplay(_ number: UInt64, _ epoch: UInt32, _ reason: String?) {
        guard case .replay(number, epoch)? = readings.first else { return }
        readings.removeFirst()
        if let reason { member.close("\(names[node]): \(reason)") }
        member.endReplay(through: number, epoch: epoch, now)
        readNext()
        flush()
    }
}
