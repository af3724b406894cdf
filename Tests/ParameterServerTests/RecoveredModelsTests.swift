internal import Configuration
internal import Domain
internal import Foundation
internal import Journal
internal import Learning
internal import ParameterServer
internal import SystemPackage
internal import Testing

private let clicks = ModelName("clicks")!

@Suite("A node begins with the models of its journal, each name once")
struct RecoveredModelsTests {
    private let folder = FilePath(NSTemporaryDirectory()).appending("sluice-recovered-\(UUID().uuidString)")

    private func remove() { try? FileManager.default.removeItem(atPath: folder.string) }

    private func journal() throws -> NodeJournal {
        try NodeJournal(try FileDisk(folder), segmentByteCount: 4096) { Issue.record("\($0)") }
    }

    private func write(_ journal: NodeJournal, _ history: History, _ entry: JournalEntry) async {
        await withCheckedContinuation { continuation in journal.append(history, entry) { continuation.resume() } }
    }

    private func join(_ owners: [Int] = [0]) -> JournalEntry {
        let spec = ModelSpec.small()
        return .join(
            epoch: 1,
            ModelIdentity(name: clicks, spec: spec.yaml, fingerprint: spec.fingerprint, owners: owners))
    }

    private func commit(_ history: History, _ number: UInt64 = 1, after previous: UInt64 = 0) -> CommitHeader {
        CommitHeader(
            history: history, epoch: 1, number: number, previousHash: previous, stableNumber: 0, version: .zero,
            exampleCount: 0, acceptedLately: 4 << 16, windowMax: 8, fingerprint: ModelSpec.small().fingerprint,
            atMilliseconds: 0, publishedVersion: .zero, total: Validation.Sums(), window: Validation.Sums(), batches: []
        )
    }

    @Test("of two histories of one name the later serves, whichever number is larger; what is kept of the earlier goes")
    func createdAnew() async throws {
        defer { remove() }
        for (earlier, later) in [(History(9), History(3)), (History(4), History(8))] {
            remove()
            do {
                let journal = try journal()
                await write(journal, earlier, join())
                await write(journal, later, join())
                await write(journal, later, .commit(commit(later), clampedCount: 0, rows: []))
            }
            do {
                let journal = try journal()
                #expect(journal.recovered.map(\.history) == [earlier, later])
                let registry = try ModelRegistry(publishInterval: .seconds(1), stateFolder: nil, journal: journal)
                try registry.begin(.alone)
                guard case .open(let lane) = registry.entry(clicks) else {
                    Issue.record("the model is not there")
                    return
                }
                #expect(lane.history == later)
                // Behind what was written to forget the other.
                await write(journal, later, .stable(number: 1))
                await registry.close()
            }
            #expect(try journal().recovered.map(\.history) == [later])
        }
    }

    @Test("a model whose owners the cluster file has changed keeps the node from beginning, and is left as it is")
    func otherOwners() async throws {
        defer { remove() }
        let history = History(5)
        do {
            let journal = try journal()
            await write(journal, history, join())
        }
        do {
            let registry = try ModelRegistry(publishInterval: .seconds(1), stateFolder: nil, journal: try journal())
            let error = try #require(throws: ConfigurationError.self) { try registry.begin(.alone) { _ in [0, 1] } }
            #expect("\(error)".contains("the cluster file gives to other owners than before"))
        }
        #expect(try journal().recovered.map(\.history) == [history])
    }

    @Test("behind a snapshot that the journal does not reach a commit is written and read again")
    func snapshotAhead() async throws {
        defer { remove() }
        let history = History(6)
        let first = commit(history)
        let ahead = commit(history, 12, after: 11)
        let next = commit(history, 13, after: ahead.hash)
        do {
            let journal = try journal()
            await write(journal, history, join())
            await write(journal, history, .commit(first, clampedCount: 0, rows: []))
            // The epoch begins behind the snapshot's commit, 12; the journal ends at 1.
            await write(journal, history, .cut(epoch: 2, number: 12))
            await write(journal, history, .commit(next, clampedCount: 0, rows: []))
        }
        let log = try #require(try journal().recovered.first?.log)
        #expect(log.number == 13 && log.hash == next.hash)
    }
}
