package import Configuration
package import Domain
internal import Files
internal import Journal
package import SystemPackage

/// What a restore made.
package struct Restored: Sendable {
    package var version: Version
    package var history: History
    /// Histories of the model that the node forgets.
    package var earlier: [History]
}

/// Makes a node that does not run begin a model anew from one owner's snapshot, under another history: what was learned behind it
/// is given up, and nobody who saw it takes the model for the same (docs/decisions/0013-loss.md).
///
/// - Parameters:
///   - history: the same on all owners.
///   - name, topology: the node among the others.
/// - Throws: what is wrong; then nothing was changed.
package func restore(
    _ model: ModelName, from snapshot: FilePath, to stateFolder: FilePath, as history: History, on name: String,
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
    let disk = try FileDisk(stateFolder.appending("journal"))
    let journal = try NodeJournal(disk) { failure in
        tellStandardError("the journal's disk failed: \(failure)")
        endProcess(status: 74)
    }
    let earlier = journal.recovered.filter { $0.identity.name == model }.map(\.history)
    guard !earlier.contains(history) else {
        throw ConfigurationError("history \(history) of model \(model) is there already")
    }
    let known = journal.recovered.first { $0.history == loaded.footer.header.history }?.identity.name
    guard known == nil || known == model else {
        throw ConfigurationError("\(snapshot) is of model \(known!), not of \(model)")
    }
    var footer = loaded.footer
    (footer.header.history, footer.header.epoch, footer.header.previousHash) = (history, firstEpoch, 0)
    try write(loaded, footer, to: SnapshotFolder(stateFolder.appending("snapshots")))
    let identity = ModelIdentity(
        name: model, spec: loaded.spec.yaml, fingerprint: loaded.spec.fingerprint, owners: owners)
    // The later one of a name counts, so a crash in between leaves one of the two.
    journal.append(history, .join(epoch: firstEpoch, identity)) {}
    for old in earlier { journal.append(old, .forget) {} }
    await withCheckedContinuation { continuation in
        journal.append(history, .stable(number: footer.header.number)) { continuation.resume() }
    }
    await journal.close()
    return Restored(version: footer.header.version, history: history, earlier: earlier)
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
        var state = [Float](repeating: 0, count: 2 * range.count)
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
