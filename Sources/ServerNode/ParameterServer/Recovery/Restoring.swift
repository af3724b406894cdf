package import Configuration
package import Domain
internal import Files
internal import Journal
package import SystemPackage
internal import Transport

/// What a restore made.
package struct Restored: Sendable {
    package var number: UInt64
    package var version: Version
    package var history: History
    /// Histories of the model that the node forgets.
    package var earlier: [History]
}

/// Makes a node that does not run begin a model anew from one owner's snapshot, under another history: what was learned behind it
/// is given up, and nobody who saw it takes the model for the same (docs/decisions/0013-loss.md).
///
/// - Parameters:
///   - history: the same on all owners; `number` the commit that the others restored, if this is not the first.
///   - name, topology: the node among the others.
/// - Throws: what is wrong; then the node begins as it would have.
package func restore(
    _ model: ModelName, from snapshot: FilePath, to stateFolder: FilePath, as history: History, number: UInt64? = nil,
    on name: String,
    of topology: ClusterTopology
) async throws -> Restored {
    let loaded = try LoadedSnapshot(snapshot)
    guard let node = topology.place(of: name) else {
        throw ConfigurationError("the cluster file names no server '\(name)'")
    }
    let owners = topology.owners(of: model.text)
    guard owners.count == loaded.shard.count, owners[loaded.shard.number] == node else {
        let names = owners.map { topology.nodes[$0].name }.joined(separator: ", ")
        throw ConfigurationError(
            "\(snapshot) is of owner \(loaded.shard.number + 1) of \(loaded.shard.count) of model \(model), whose owners are \(names)"
        )
    }
    let found = loaded.footer.header.number
    guard number == nil || number == found else {
        throw ConfigurationError("\(snapshot) is commit \(found), and the others are commit \(number!)")
    }
    guard (try? listFolder(stateFolder)) != nil else {
        throw ConfigurationError("\(stateFolder): no such folder; make it if this disk is a new one")
    }
    let disk = try FileDisk(stateFolder.appending("journal"))
    let journal = try NodeJournal(disk) { failure in
        tellStandardError("the journal's disk failed: \(failure)")
        endProcess(status: 74)
    }
    // One of that history that has no rows joined without its restore.
    let joined = journal.recovered.first { $0.history == history }
    guard joined == nil || (joined!.identity.name == model && joined!.log.number == 0) else {
        throw ConfigurationError("history \(history) of model \(joined!.identity.name) is there, and has rows")
    }
    let earlier = journal.recovered.filter { $0.identity.name == model && $0.history != history }.map(\.history)
    let known = journal.recovered.first { $0.history == loaded.footer.header.history }?.identity.name
    guard known == nil || known == model else {
        throw ConfigurationError("\(snapshot) is of model \(known!), not of \(model)")
    }
    var footer = loaded.footer
    (footer.header.history, footer.header.epoch, footer.header.previousHash) = (history, firstEpoch, 0)
    try write(loaded, footer, to: SnapshotFolder(stateFolder.appending("snapshots")))
    let identity = ModelIdentity(
        name: model, spec: loaded.spec.yaml, fingerprint: loaded.spec.fingerprint, owners: owners)
    var entries: [(History, JournalEntry)] = [
        (history, .join(epoch: max(firstEpoch, joined?.log.epoch ?? 0), identity)), (history, .stable(number: found)),
    ]
    for old in earlier { entries.append((old, .forget)) }
    let isWritten = Locked(false)
    journal.append(entries) { isWritten.withLockedValue { $0 = true } }
    while !isWritten.withLockedValue({ $0 }) {
        guard !journal.isFull else { throw ConfigurationError("\(stateFolder): the disk is full") }
        try await Task.sleep(for: .milliseconds(5))
    }
    await journal.close()
    return Restored(number: found, version: footer.header.version, history: history, earlier: earlier)
}

private let firstEpoch: UInt32 = 1

private func write(
    _ loaded: borrowing LoadedSnapshot, _ footer: SnapshotFooter, to folder: SnapshotFolder
) throws {
    let header = footer.header
    var stream = SnapshotStream(loaded.spec, loaded.shard, history: header.history, version: header.version)
    let file = try folder.begin(header.history)
    file.append(stream.begin())
    while let range = stream.nextRange {
        var state = [Float](repeating: 0, count: loaded.spec.learner.rowFloatCount * range.count)
        loaded.rows.state(range, into: &state)
        file.append(stream.chunk(range, state))
        stream.tookRange()
    }
    file.append(stream.end(footer))
    file.sync()
    do { try file.keep(SnapshotFolder.Name(number: header.number, version: header.version)) } catch {
        file.discard()
        throw error
    }
}
