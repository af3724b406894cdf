internal import Configuration
internal import Domain
internal import Features
internal import Foundation
internal import Learning
internal import TestSupport
internal import Testing
internal import Transport

@Suite("Un-learning leaves what the others taught, bit for bit")
struct UnlearnTests {
    private struct Answer: Decodable { var version: UInt64 }

    private static let trainers = ["anna", "bert", "carl"]

    private func withGroup(
        _ ownerCount: Int, tape: Int = 64, _ body: @Sendable (Group, HTTPClient) async throws -> Void
    ) async throws {
        let folder = NSTemporaryDirectory() + "sluice-unlearn-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var group = try await Group(nodes: 2, owners: ownerCount)
        group.stateFolder = folder
        group.tapeMebibytes = tape
        try await group.withNodes { [group] in
            try await withClient(group.http[1]) { client in try await body(group, client) }
        }
    }

    private func unlearn(_ client: HTTPClient, _ trainer: String, since version: Int) async throws -> (Int, String) {
        try await client.send(.post, "/v1/models/m:unlearn?trainer=\(trainer)&since=\(version)")
    }

    /// Posts by any node, until it is taken: a cluster that has just begun may not have told every node of the model.
    private func post(_ group: Group, _ text: String, _ trainer: String, _ sequence: Int) async throws -> String {
        var told = ""
        try await withClient(group.http[sequence % 2]) { (client) async throws in
            let headers = [("sluice-trainer", trainer), ("sluice-sequence", "\(sequence)")]
            repeat {
                let answer = try await client.send(.post, "/v1/models/m/examples", headers: headers, text)
                told = "\(answer.status) \(answer.text)"
            } while told.hasPrefix("503") || told.hasPrefix("404")
        }
        return told
    }

    @Test(
        "the digest is that of learning without the trainer's batches; a second trainer goes the same way",
        arguments: zip([1, 2, 2, 1], GroupTests.specs + [GroupTests.normalized]))
    func digests(ownerCount: Int, yaml: String) async throws {
        let spec = try ModelSpec(yaml: yaml)
        try await withGroup(ownerCount) { (group, client) async throws in
            #expect(try await client.send(.put, "/v1/models/m", yaml).status == 201)
            try await withWorker(following: group.peer) { (port) async throws in
                try await withClient(port) { (worker) async throws in
                    try await takeBack(group, client, worker, spec)
                }
            }
        }
    }

    private func takeBack(_ group: Group, _ client: HTTPClient, _ worker: HTTPClient, _ spec: ModelSpec) async throws {
        var random = SeededGenerator(seed: 21)
        let base = goodLines(100, &random)
        let first = try await post(group, base, "anna", 1)
        #expect(first.hasPrefix("200"), "\(first)")
        #expect(try await client.send(.post, "/v1/models/m/snapshots").status == 200)
        var sent: [(trainer: String, sequence: Int, text: String)] = []
        var next = ["anna": 2, "bert": 1, "carl": 1]
        for _ in 0..<12 {
            let trainer = Self.trainers.randomElement(using: &random)!
            sent.append((trainer, next[trainer]!, goodLines(Int.random(in: 1...60, using: &random), &random)))
            next[trainer]! += 1
        }
        for batch in sent {
            #expect(try await post(group, batch.text, batch.trainer, batch.sequence).hasPrefix("200"))
        }
        let before = try await client.serverDigest()
        for (count, gone) in ["bert", "carl"].enumerated() {
            let (status, text) = try await unlearn(client, gone, since: 100)
            try #require(status == 200, "\(text)")
            var reference = Learner(spec)
            reference.learn(examples(base, spec))
            for batch in sent where batch.trainer == "anna" || (count == 0 && batch.trainer == "carl") {
                reference.learn(examples(batch.text, spec))
            }
            let told = try await client.serverDigest()
            #expect(told.digest == reference.digest.description, "without \(gone)")
            #expect(told.version > before.version && told.history == before.history)
            #expect(try await worker.reaches(told))
        }
        // Marks stay, and learning goes on.
        let last = sent.last { $0.trainer == "bert" }!
        #expect(try await post(group, last.text, "bert", last.sequence).contains("duplicate"))
        #expect(try await post(group, goodLines(3, &random), "bert", next["bert"]!).hasPrefix("200"))
    }

    @Test("what was learned under other rates and rolled back does not count")
    func ratesBehindRollback() async throws {
        try await withGroup(1) { (group, client) async throws in
            var random = SeededGenerator(seed: 3)
            #expect(try await client.send(.put, "/v1/models/m", GroupTests.specs[0]).status == 201)
            for sequence in 1...3 {
                let told = try await post(group, goodLines(10, &random), "anna", sequence)
                #expect(told.hasPrefix("200"), "\(told)")
                if sequence < 3 { #expect(try await client.send(.post, "/v1/models/m/snapshots").status == 200) }
            }
            #expect(try await client.send(.post, "/v1/models/m:rates", "alpha: 0.2").status == 200)
            let early = try await unlearn(client, "anna", since: 20)
            #expect(early.0 == 409 && early.1.contains("rates were changed"), "\(early.1)")
            #expect(try await client.send(.post, "/v1/models/m:rollback?to=20").status == 200)
            #expect(try await post(group, goodLines(10, &random), "anna", 4).hasPrefix("200"))
            let late = try await unlearn(client, "anna", since: 20)
            #expect(late.0 == 200 && late.1.contains("before"), "\(late.1)")
            #expect(try await client.send(.post, "/v1/models/m:rates", "alpha: fast").status == 400)
        }
    }

    @Test("without a tape, or a snapshot that is old enough, it is refused with what is missing; the model learns on")
    func refused() async throws {
        try await withGroup(1, tape: 0) { (group, client) async throws in
            #expect(try await client.send(.put, "/v1/models/m", GroupTests.specs[0]).status == 201)
            let (status, text) = try await unlearn(client, "anna", since: 1)
            #expect(status == 409 && text.contains("s0 keeps no tape"), "\(text)")
        }
        try await withGroup(1) { (group, client) async throws in
            #expect(try await client.send(.put, "/v1/models/m", GroupTests.specs[0]).status == 201)
            let first = try await post(group, "1 |a x\n", "anna", 1)
            #expect(first.hasPrefix("200"), "\(first)")
            let none = try await unlearn(client, "anna", since: 1)
            #expect(none.0 == 404 && none.1.contains("there is none yet"), "\(none.1)")
            #expect(try await client.send(.post, "/v1/models/m/snapshots").status == 200)
            let early = try await unlearn(client, "anna", since: 0)
            #expect(early.0 == 404 && early.1.contains("the oldest that is kept is of 1"), "\(early.1)")
            #expect(try await post(group, "1 |a x\n", "anna", 2).hasPrefix("200"))
            #expect(try await client.send(.post, "/v1/models/m:rates", "alpha: 0.2").status == 200)
            let rates = try await unlearn(client, "anna", since: 1)
            #expect(rates.0 == 409 && rates.1.contains("rates were changed"), "\(rates.1)")
            #expect(try await client.send(.post, "/v1/models/m:unlearn?trainer=anna").status == 400)
            #expect(try await post(group, "1 |a x\n", "anna", 3).hasPrefix("200"))
        }
    }
}
