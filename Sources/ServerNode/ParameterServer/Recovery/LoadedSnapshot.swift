internal import Configuration
package import Domain
package import Learning
package import Scoring
package import SystemPackage

/// One owner's snapshot in memory, of whatever model: what tools beside a cluster read.
package struct LoadedSnapshot: ~Copyable {
    package let path: FilePath
    package let spec: ModelSpec
    package let shard: Shard
    package let footer: SnapshotFooter
    package private(set) var rows: ModelRows

    /// Reads a snapshot, whole.
    package init(_ path: FilePath) throws(SnapshotFailure) {
        var records = try SnapshotRecords(path)
        let (spec, shard) = try records.model()
        if let objection = ModelRows.objection(to: spec, shard) {
            throw SnapshotFailure(description: "\(path): \(objection)")
        }
        var table = ModelRows(spec, shard)
        var read = ReadRows()
        while try records.next({ header, payload in try read.read(header, payload, spec, shard) }) {
            table.setState(at: read.rows, read.values)
        }
        (self.path, self.spec, self.shard, footer) = (path, spec, shard, records.footer)
        table.setRates(footer.header.standing.learner)
        rows = table
    }
}

/// The weights of a model out of snapshots of all its owners, one for each, of one commit.
///
/// - Throws: what is missing or does not belong together.
package func readModel(fromSnapshots paths: [FilePath]) throws(SnapshotFailure) -> ServableModel {
    var model: ServableModel?
    var (first, missing): (CommitHeader?, Set<Int>) = (nil, [])
    for path in paths {
        let loaded = try LoadedSnapshot(path)
        let header = loaded.footer.header
        if first == nil {
            (first, missing) = (header, Set(0..<loaded.shard.count))
            model = ServableModel(
                spec: loaded.spec, history: header.history, version: header.version,
                watermarkMilliseconds: header.atMilliseconds, table: WeightTable(indexCount: loaded.spec.indexCount))
        }
        guard let known = first, known.hash == header.hash else {
            throw SnapshotFailure(
                description:
                    "\(path) is commit \(header.number) of history \(header.history), and \(paths[0]) is another one")
        }
        guard missing.remove(loaded.shard.number) != nil else {
            throw SnapshotFailure(description: "\(path): owner \(loaded.shard.number) of the model is given twice")
        }
        copyWeights(of: loaded, to: &model!.table)
    }
    guard let model, missing.isEmpty else {
        throw SnapshotFailure(
            description:
                "snapshots of owners \(missing.sorted().map { "\($0)" }.joined(separator: ", ")) are missing: give one of each"
        )
    }
    return model
}

private func copyWeights(of loaded: borrowing LoadedSnapshot, to table: inout WeightTable) {
    let count = min(loaded.rows.count, Limits.Copy.chunkIndexCount)
    var weights = [Float](repeating: 0, count: count)
    for start in stride(from: 0, to: loaded.rows.count, by: count) {
        let range = start..<min(start + count, loaded.rows.count)
        loaded.rows.weights(range, into: &weights)
        let indices = range.map { UInt32(loaded.shard.index(ofRow: $0)) }
        table.set(indices.span, weights.span.extracting(first: range.count))
    }
}
