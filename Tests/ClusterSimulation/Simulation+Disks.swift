internal import Journal
internal import ParameterServer

/// What gets to the nodes' disks.
extension Simulation {
    /// An owner whose snapshot is under way takes a chunk.
    func takeChunk() {
        let taking = nodes.indices.filter { nodes[$0]?.taking != nil }
        guard let place = taking.randomElement(using: &random), let node = nodes[place] else { return }
        node.takeChunk(time)
        flush(place)
    }

    func writeJournal() throws(Oracle.Violation) {
        let owing = nodes.indices.filter { nodes[$0]?.journal?.waiting.isEmpty == false }
        if let place = owing.randomElement(using: &random) { try writeJournal(place) }
    }

    /// What waits for a node's disk gets there, unless the disk is full or the node's end comes first.
    func writeJournal(_ place: Int) throws(Oracle.Violation) {
        guard let node = nodes[place], let journal = node.journal, !journal.waiting.isEmpty else { return }
        // Disks that take their time one after the other are where void commits are.
        if sabotage == .ordersBeforeCut, faultsLeft > 0, slowDisk == place, Int.random(in: 0..<12, using: &random) > 0 {
            return
        }
        if faultsLeft > 0, Int.random(in: 0..<30, using: &random) == 0 {
            journal.disk.accident = Bool.random(using: &random) ? .full : .broken
        }
        let entries: [(entry: JournalEntry, isTold: Bool)]
        do throws(DiskFailure) { entries = try journal.write() } catch {
            return try crashOwner(place)
        }
        for (entry, isTold) in entries {
            note(entry, place)
            if !isTold { node.member.journaled(time) }
            flush(place)
        }
        try check(place)
    }

    private func note(_ entry: JournalEntry, _ place: Int) {
        switch entry {
        case .commit(let header, _, _): durable[place].append((header.number, header.version))
        case .cut(_, let number): durable[place].removeAll { $0.number > number }
        default: break
        }
    }
}
