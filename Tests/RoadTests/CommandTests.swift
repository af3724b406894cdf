internal import Configuration
internal import Domain
internal import Features
internal import Foundation
internal import Learning
internal import TestSupport
internal import Testing
internal import Transport

@Suite("What an operator commands is a commit: durable, told to workers, undone by none of the nodes' restarts")
struct CommandTests {
    private struct Answer: Decodable { var version: UInt64 }

    /// Runs `body` twice or more over the same disks, every node beginning anew in between.
    private func withDisks(_ ownerCount: Int, _ lives: [@Sendable (Group) async throws -> Void]) async throws {
        let folder = NSTemporaryDirectory() + "sluice-commands-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var group = try await Group(nodes: 2, owners: ownerCount)
        group.stateFolder = folder
        for life in lives { try await group.withNodes { [group] in try await life(group) } }
    }

    private func command(_ client: HTTPClient, _ path: String, _ body: String? = nil) async throws -> UInt64 {
        let answer = try await client.send(.post, "/v1/models/m\(path)", body)
        #expect(answer.status == 200, "\(path): \(answer.text)")
        return try JSONDecoder().decode(Answer.self, from: Data(answer.text.utf8)).version
    }

    @Test(
        "a snapshot that is asked for has all that was acknowledged before, also right behind another",
        arguments: [1, 2])
    func snapshots(ownerCount: Int) async throws {
        try await withDisks(
            ownerCount,
            [
                { group in
                    try await withClient(group.http[1]) { (client) async throws in
                        #expect(try await client.send(.put, "/v1/models/m", GroupTests.specs[0]).status == 201)
                        var random = SeededGenerator(seed: 5)
                        for sequence in 1...12 {
                            #expect(try await post(client, goodLines(10, &random), sequence: sequence).hasPrefix("200"))
                            async let first = command(client, "/snapshots")
                            async let second = command(client, "/snapshots")
                            let versions = try await [first, second]
                            #expect(
                                versions.allSatisfy { $0 >= 10 * sequence }, "\(versions), \(10 * sequence) learned")
                        }
                    }
                }
            ])
    }

    @Test(
        "rolled back, the weights are those of the snapshot, and learning goes on from there; workers never stop answering",
        arguments: zip([1, 2, 2, 1], GroupTests.specs + [GroupTests.normalized]))
    func rollback(ownerCount: Int, yaml: String) async throws {
        let spec = try ModelSpec(yaml: yaml)
        var random = SeededGenerator(seed: 12)
        let texts = (0..<4).map { _ in goodLines(150, &random) }
        try await withDisks(
            ownerCount,
            [
                { group in
                    try await withClient(group.http[1]) { (client) async throws in
                        #expect(try await client.send(.put, "/v1/models/m", yaml).status == 201)
                        try await withWorker(following: group.peer) { (port) async throws in
                            try await withClient(port) { (worker) async throws in
                                try await rollBack(client, worker, port, spec, texts)
                            }
                        }
                    }
                },
                { group in
                    try await withClient(group.http[0]) { (client) async throws in
                        // Marks of trainers stay as they were.
                        #expect(try await post(client, texts[1], sequence: 2).contains("duplicate"))
                        var reference = Learner(spec)
                        for text in [texts[0], texts[2]] { reference.learn(examples(text, spec)) }
                        #expect(try await client.serverDigest().digest == reference.digest.description)
                        #expect(try await client.serverDigest().version == 451)
                    }
                },
            ])
    }

    private func rollBack(
        _ client: HTTPClient, _ worker: HTTPClient, _ port: Int, _ spec: ModelSpec, _ texts: [String]
    ) async throws {
        var reference = Learner(spec)
        reference.learn(examples(texts[0], spec))
        #expect(try await post(client, texts[0], sequence: 1).hasPrefix("200"))
        #expect(try await command(client, "/snapshots") == 150)
        #expect(try await post(client, texts[1], sequence: 2).hasPrefix("200"))
        #expect(try await worker.reaches(try await client.serverDigest()))
        try await withThrowingTaskGroup(of: Int.self) { group in
            // A reader all the while: every answer is one of the versions that there are.
            group.addTask {
                var count = 0
                try await withClient(port) { (reader) async throws in
                    let line = "{\"name\":\"line\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"|a x1\"]}"
                    while !Task.isCancelled {
                        let version = try await reader.infer(line).parameters.version
                        #expect([300, 301, 451].contains(version))
                        count += 1
                    }
                }
                return count
            }
            let missing = try await client.send(.post, "/v1/models/m:rollback?to=149")
            #expect(missing.status == 404 && missing.text.contains("kept are those of 150"), "\(missing.text)")
            #expect(try await command(client, ":rollback?to=150") == 301)
            let restored = try await client.serverDigest()
            #expect(restored.digest == reference.digest.description && restored.version == 301)
            #expect(try await worker.reaches(restored))
            reference.learn(examples(texts[2], spec))
            #expect(try await post(client, texts[2], sequence: 3).hasPrefix("200"))
            let learned = try await client.serverDigest()
            #expect(learned.digest == reference.digest.description)
            #expect(try await worker.reaches(learned))
            group.cancelAll()
            for try await count in group { #expect(count > 0) }
        }
    }

    @Test("a frozen model learns nothing, also after a restart, until it is thawed", arguments: [2])
    func freeze(ownerCount: Int) async throws {
        try await withDisks(
            ownerCount,
            [
                { group in
                    try await withClient(group.http[1]) { (client) async throws in
                        #expect(try await client.send(.put, "/v1/models/m", GroupTests.specs[0]).status == 201)
                        #expect(try await post(client, "1 |a x\n", sequence: 1).hasPrefix("200"))
                        #expect(try await command(client, ":freeze") == 1)
                        #expect(try await command(client, ":freeze") == 1)
                    }
                },
                { group in
                    try await withClient(group.http[1]) { (client) async throws in
                        let deadline = ContinuousClock.now + .seconds(10)
                        var answer = (status: 0, text: "")
                        repeat {
                            answer = try await client.send(
                                .post, "/v1/models/m/examples",
                                headers: [("sluice-trainer", "anna"), ("sluice-sequence", "2")], "1 |a y\n")
                        } while !answer.text.contains("frozen") && ContinuousClock.now < deadline
                        #expect(answer.text.contains("the model is frozen"), "\(answer.text)")
                        #expect(try await post(client, "1 |a x\n", sequence: 1).contains("duplicate"))
                        #expect(try await command(client, ":thaw") == 1)
                        #expect(try await post(client, "1 |a y\n", sequence: 2).hasPrefix("200"))
                    }
                },
            ])
    }

    @Test("other rates change every weight at once, here and at workers, and are kept", arguments: [1])
    func rates(ownerCount: Int) async throws {
        let yaml = GroupTests.specs[0]
        let spec = try ModelSpec(yaml: yaml)
        var random = SeededGenerator(seed: 13)
        let texts = (0..<2).map { _ in goodLines(100, &random) }
        let changed = ModelSpec.Learner.ftrl(alpha: 0.1, beta: 0.5, l1: 0.05, l2: 0.1)
        try await withDisks(
            ownerCount,
            [
                { group in
                    try await withClient(group.http[1]) { (client) async throws in
                        #expect(try await client.send(.put, "/v1/models/m", yaml).status == 201)
                        try await withWorker(following: group.peer) { (port) async throws in
                            try await withClient(port) { (worker) async throws in
                                #expect(try await post(client, texts[0], sequence: 1).hasPrefix("200"))
                                #expect(try await worker.reaches(try await client.serverDigest()))
                                #expect(try await command(client, ":rates", "alpha: 0.1\nl1: 0.05\n") == 101)
                                var reference = Learner(spec)
                                reference.learn(examples(texts[0], spec))
                                reference.setRates(changed)
                                let told = try await client.serverDigest()
                                #expect(told.digest == reference.digest.description && told.version == 101)
                                #expect(try await worker.reaches(told))
                                let wrong = try await client.send(.post, "/v1/models/m:rates", "alfa: 1\n")
                                #expect(wrong.status == 400 && wrong.text.contains("alfa"), "\(wrong.text)")
                            }
                        }
                    }
                },
                { group in
                    try await withClient(group.http[0]) { (client) async throws in
                        #expect(try await post(client, texts[1], sequence: 2).hasPrefix("200"))
                        var reference = Learner(spec)
                        reference.learn(examples(texts[0], spec))
                        reference.setRates(changed)
                        reference.learn(examples(texts[1], spec))
                        #expect(try await client.serverDigest().digest == reference.digest.description)
                        // The model as it was created, and as it is.
                        #expect(try await client.send(.put, "/v1/models/m", yaml).status == 200)
                        let now = yaml.replacingOccurrences(of: "0.3", with: "0.1").replacingOccurrences(
                            of: "0.01", with: "0.05")
                        #expect(try await client.send(.put, "/v1/models/m", now).status == 200)
                    }
                },
            ])
    }
}
