internal import Domain
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
        journal.replay(
            history, through: number,
            NodeJournal.Reader(
                begin: { published in self.thread.run { self.beginReplay(published) } },
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
