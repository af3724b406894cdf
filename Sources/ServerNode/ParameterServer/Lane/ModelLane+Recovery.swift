internal import Domain
internal import Logging
internal import Transport

/// Rows from this node's journal.
extension ModelLane {
    /// Reads the commits of the replay that is next; one after the other, so that no two mix their rows.
    func replay() {
        guard let (number, epoch) = replays.first else { return }
        guard let journal else {
            // Without a journal there is nothing to begin behind but the model's creation.
            beginReplay(.zero)
            return endReplay(number, epoch, nil)
        }
        let names = snapshots?.names(history).filter { $0.number <= number } ?? []
        journal.published(history, before: number) { published in
            self.thread.run { self.read(names, journal, published, through: number, epoch) }
        }
    }

    /// Reads the newest snapshot that can be read, and the commits behind it.
    private func read(
        _ names: [SnapshotFolder.Name], _ journal: NodeJournal, _ published: Version, through number: UInt64,
        _ epoch: UInt32
    ) {
        guard let name = names.first, let snapshots else {
            beginReplay(published)
            return readCommits(journal, after: 0, through: number, epoch)
        }
        // What changed between an earlier publish and the snapshot is not known.
        beginReplay(max(published, name.version))
        do throws(SnapshotFailure) {
            let footer = try snapshots.read(history, name) { header, payload in
                try member.restore(header, payload)
            }
            member.restored(footer)
        } catch {
            log.error("a snapshot cannot be read; the one before is", metadata: ["error": "\(error)"])
            return read(Array(names.dropFirst()), journal, published, through: number, epoch)
        }
        readCommits(journal, after: name.number, through: number, epoch)
    }

    private func readCommits(_ journal: NodeJournal, after first: UInt64, through number: UInt64, _ epoch: UInt32) {
        journal.replay(
            history, after: first, through: number,
            NodeJournal.Reader(
                take: { entries, next in
                    self.thread.run {
                        for case .commit(let header, let clampedCount, let rows) in entries {
                            self.member.replay(header, clampedCount: clampedCount, rows: rows)
                        }
                        next()
                    }
                },
                end: { reason in self.thread.run { self.endReplay(number, epoch, reason) } }))
    }

    private func beginReplay(_ published: Version) {
        voidCopies()
        member.beginReplay(published: published)
        // Followers that hold that version go on; those of a node that lives on have what the ring says.
        hub.begin(at: member.releasedVersion)
    }

    private func endReplay(_ number: UInt64, _ epoch: UInt32, _ reason: String?) {
        replays.removeFirst()
        if let reason { member.close("\(names[node]): \(reason)") }
        member.endReplay(through: number, epoch: epoch, now)
        replay()
        flush()
    }
}
