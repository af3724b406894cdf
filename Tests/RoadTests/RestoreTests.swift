internal import Configuration
internal import Domain
internal import Foundation
internal import Learning
internal import ParameterServer
internal import Scoring
internal import SystemPackage
internal import TestSupport
internal import Testing
internal import Transport

@Suite("Behind a lost disk a model goes on from the mirror's snapshots, by command, under a new history")
struct RestoreTests {
    private static let model = ModelName("m")!

    @Test(
        "what the snapshot had is there again, and trainers go on behind it",
        arguments: zip([1, 2, 1], [GroupTests.specs[0], GroupTests.specs[1], GroupTests.normalized]))
    func lostDisk(ownerCount: Int, yaml: String) async throws {
        let root = NSTemporaryDirectory() + "sluice-restore-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        var group = try await Group(nodes: 2, owners: ownerCount)
        (group.stateFolder, group.mirror) = (root + "/state", root + "/mirror")
        try FileManager.default.createDirectory(atPath: root + "/mirror", withIntermediateDirectories: true)
        let spec = try ModelSpec(yaml: yaml)
        var random = SeededGenerator(seed: 31)
        let (kept, lost) = (goodLines(120, &random), goodLines(80, &random))
        try await group.withNodes { [group] in
            try await withClient(group.http[1]) { (client) async throws in
                #expect(try await client.send(.put, "/v1/models/m", yaml).status == 201)
                #expect(try await post(client, kept, sequence: 1).hasPrefix("200"))
                #expect(try await client.send(.post, "/v1/models/m/snapshots").status == 200)
                try await isMirrored(120, in: (0..<ownerCount).map { root + "/mirror/s\($0)" })
                #expect(try await post(client, lost, sequence: 2).hasPrefix("200"))
            }
        }
        let lostState = root + "/state/s\(ownerCount - 1)"
        try FileManager.default.removeItem(atPath: lostState)
        try FileManager.default.createDirectory(atPath: lostState, withIntermediateDirectories: false)

        var reference = Learner(spec)
        reference.learn(examples(kept, spec))
        let keptDigest = reference.digest
        reference.learn(examples(lost, spec))
        let allDigest = reference.digest
        let snapshots = try (0..<ownerCount).map { try snapshot(in: root + "/mirror/s\($0)") }
        let saved = try readModel(fromSnapshots: snapshots)
        #expect(saved.digest == keptDigest && saved.version == Version(120))
        try saved.save(to: FilePath(root + "/saved"))
        #expect(try ModelFile.read(from: FilePath(root + "/saved")).digest == keptDigest)

        let history = History(0xABC)
        for node in 0..<ownerCount {
            let restored = try await restore(
                Self.model, from: snapshots[node], to: FilePath(root + "/state/s\(node)"), as: history, on: "s\(node)",
                of: try group.topology(of: node))
            #expect(restored.version == Version(120) && restored.earlier.count == (node == ownerCount - 1 ? 0 : 1))
            guard node < ownerCount - 1 else { continue }
            // The nodes begin before the other owner is restored: refused, and nothing of it is lost.
            try await group.withNodes { [group] in
                try await withClient(group.http[0]) { (client) async throws in
                    let end = ContinuousClock.now + .seconds(10)
                    var text = ""
                    repeat {
                        text = try await client.send(.get, "/v1/models/m").text
                    } while !text.contains("restarted without its rows") && .now < end
                    #expect(text.contains("restarted without its rows"), "\(text)")
                }
            }
            #expect(try snapshot(in: root + "/mirror/s1") == snapshots[1])
        }
        try await group.withNodes { [group] in
            try await withClient(group.http[1]) { (client) async throws in
                let told = try await client.serverDigest()
                #expect(told.digest == keptDigest.description && told.version == 120)
                #expect(told.history == history.description)
                #expect(try await post(client, kept, sequence: 1).contains("duplicate"))
                #expect(try await post(client, "1 |a x\n", sequence: 3).contains("gap"))
                #expect(try await post(client, lost, sequence: 2).hasPrefix("200"))
                #expect(try await client.serverDigest().digest == allDigest.description)
            }
        }
    }

    @Test("snapshots that do not belong together, and nodes that do not own one, are named")
    func refused() async throws {
        let root = NSTemporaryDirectory() + "sluice-restore-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        var group = try await Group(nodes: 2, owners: 2)
        group.stateFolder = root + "/state"
        try await group.withNodes { [group] in
            try await withClient(group.http[1]) { (client) async throws in
                #expect(try await client.send(.put, "/v1/models/m", GroupTests.specs[0]).status == 201)
                for sequence in 1...2 {
                    #expect(try await post(client, "1 |a x y z\n", sequence: sequence).hasPrefix("200"))
                    #expect(try await client.send(.post, "/v1/models/m/snapshots").status == 200)
                }
            }
        }
        let own = try (0..<2).map { node in try files(in: root + "/state/s\(node)/snapshots") }
        #expect(own.allSatisfy { $0.count == 2 })
        func refusal(_ paths: [FilePath]) -> String {
            do throws(SnapshotFailure) {
                _ = try readModel(fromSnapshots: paths)
                return "none"
            } catch { return error.description }
        }
        #expect(refusal([own[0][0]]).contains("owners 1 are missing"))
        #expect(refusal([own[0][0], own[0][0]]).contains("owner 0 of the model is given twice"))
        #expect(refusal([own[0][0], own[1][1]]).contains("is another one"))
        #expect(refusal([FilePath(root + "/none")]).contains("No such file"))
        await #expect(throws: ConfigurationError.self) {
            _ = try await restore(
                Self.model, from: own[0][0], to: FilePath(root + "/new"), as: History(1), on: "s1",
                of: try group.topology(of: 1))
        }
    }

    private func files(in folder: String) throws -> [FilePath] {
        let found = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(".snapshot") }.sorted().map { FilePath(folder).appending($0) }
    }

    private func snapshot(in folder: String) throws -> FilePath { try #require(try files(in: folder).last) }

    /// Waits until every owner's copy of the version is there.
    private func isMirrored(_ version: Int, in folders: [String]) async throws {
        let end = ContinuousClock.now + .seconds(10)
        func isThere(_ folder: String) throws -> Bool {
            try files(in: folder).contains { $0.string.hasSuffix("-\(version).snapshot") }
        }
        while try !folders.allSatisfy(isThere), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try folders.allSatisfy(isThere))
    }
}
