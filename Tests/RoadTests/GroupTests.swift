internal import Configuration
internal import Domain
internal import Features
internal import Learning
internal import TestSupport
internal import Testing
internal import Transport

@Suite("Several server nodes learn one model as if they were one")
struct GroupTests {
    static let specs = [
        "bits: 12\nlearner: {rule: ftrl, alpha: 0.3, beta: 0.5, l1: 0.01, l2: 0.1}\n",
        "bits: 12\nlearner: {rule: adagrad, rate: 0.2}\ncrosses: [ab, \"a:\"]\n",
        "bits: 12\nlearner: {rule: ftrl, alpha: 0.4, beta: 1}\nsettle: tolerant\n",
    ]
    /// Of one owner.
    static let normalized = "bits: 12\nlearner: {rule: nag, rate: 0.4}\ncrosses: [ab]\n"

    @Test(
        "posted by any node: the digest of one machine's learning, and a worker's at the same version, all along",
        arguments: [1, 2, 4], specs)
    func digests(ownerCount: Int, yaml: String) async throws {
        let group = try await Group(nodes: max(2, ownerCount), owners: ownerCount)
        try await group.withNodes {
            try await withClient(group.http[1]) { (client) async throws in
                // Nodes that have just begun may not reach each other yet, and say 503.
                try await expectEventually("the model is made") {
                    let made = try await client.send(.put, "/v1/models/m", yaml)
                    #expect([200, 201, 503].contains(made.status), "\(made.text)")
                    return made.status != 503
                }
            }
            try await withWorker(following: group.peer) { (port) async throws in
                try await withClient(port) { (worker) async throws in
                    try await train(group, worker, try ModelSpec(yaml: yaml))
                }
            }
        }
    }

    @Test("rule nag has one owner: there it is as any other, elsewhere it is refused")
    func normalized() async throws {
        try await digests(ownerCount: 1, yaml: Self.normalized)
        let group = try await Group(nodes: 2, owners: 2)
        try await group.withNodes {
            try await withClient(group.http[1]) { (client) async throws in
                let many = try await client.send(.put, "/v1/models/m", Self.normalized)
                #expect(many.status == 400 && many.text.contains("wants one owner"), "\(many.text)")
                let rounds = try await client.send(.put, "/v1/models/m", Self.normalized + "settle: tolerant\n")
                #expect(rounds.status == 400 && rounds.text.contains("settle 'tolerant'"), "\(rounds.text)")
            }
        }
    }

    private func train(_ group: Group, _ worker: HTTPClient, _ spec: ModelSpec) async throws {
        var random = SeededGenerator(seed: 5)
        var reference = Learner(spec)
        for count in [1, 200, 37, 150, 3, 260] {
            let text = goodLines(count, &random)
            reference.learn(examples(text, spec))
            let node = Int.random(in: 0..<group.http.count, using: &random)
            try await withClient(group.http[node]) { (trainer) async throws in
                try await post(text, trainer)
                let wanted = try await trainer.serverDigest()
                #expect(wanted.digest == reference.digest.description, "\(count) examples by node \(node)")
                #expect(wanted.version == reference.exampleCount)
                #expect(try await worker.reaches(wanted), "\(count) examples by node \(node)")
            }
        }
    }

    /// Posts until it is taken: nodes that have just begun say 503.
    private func post(_ text: String, _ trainer: HTTPClient) async throws {
        try await expectEventually("the batch is taken") {
            let answer = try await trainer.send(.post, "/v1/models/m/examples", text)
            #expect(answer.status == 200 || answer.status == 503, "\(answer.text)")
            return answer.status == 200
        }
    }

    @Test("links between the servers that are cut again and again lose nothing and change no bit")
    func cutLinks() async throws {
        var group = try await Group(nodes: 2, owners: 2)
        let relays = [
            try await Relay.start(to: group.peer[1]), try await Relay.start(to: group.control[1]),
            try await Relay.start(to: group.control[0]),
        ]
        group.relayedPeer[1] = relays[0].port
        group.relayedControl[1] = relays[1].port
        group.relayedControl[0] = relays[2].port
        try await group.withNodes { [group] in
            try await withClient(group.http[0]) { (client) async throws in
                #expect(try await client.send(.put, "/v1/models/m", Self.specs[0]).status == 201)
                let spec = try ModelSpec(yaml: Self.specs[0])
                var random = SeededGenerator(seed: 8)
                var reference = Learner(spec)
                for round in 0..<30 {
                    // Where the bytes are cut is as random as when.
                    relays[round % 3].cut(afterByteCount: Int.random(in: 0..<4000, using: &random))
                    let text = goodLines(40, &random)
                    reference.learn(examples(text, spec))
                    if round == 0 {
                        try await post(text, client)
                    } else {
                        let answer = try await client.send(.post, "/v1/models/m/examples", text)
                        #expect(answer.status == 200, "\(round): \(answer.text)")
                    }
                }
                #expect(try await client.serverDigest().digest == reference.digest.description)
            }
        }
        for relay in relays { await relay.stop() }
    }

    @Test("a worker whose link to one of two servers is cut keeps one version, then meets both again")
    func cutFeed() async throws {
        let group = try await Group(nodes: 2, owners: 2)
        let relay = try await Relay.start(to: group.peer[1])
        try await group.withNodes {
            try await withClient(group.http[0]) { (trainer) async throws in
                #expect(try await trainer.send(.put, "/v1/models/m", Self.specs[0]).status == 201)
                try await withWorker(following: [group.peer[0], relay.port]) { (port) async throws in
                    try await withClient(port) { (worker) async throws in
                        #expect(try await worker.waitForModel())
                        try await stay(trainer, worker, relay)
                    }
                }
            }
        }
        await relay.stop()
    }

    private func stay(_ trainer: HTTPClient, _ worker: HTTPClient, _ relay: Relay) async throws {
        var random = SeededGenerator(seed: 6)
        let line = "{\"name\":\"line\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"|a x1\"]}"
        for _ in 0..<3 {
            _ = try await trainer.send(.post, "/v1/models/m/examples", goodLines(50, &random))
            let before = try await trainer.serverDigest()
            #expect(try await worker.reaches(before))
            relay.cut()
            for _ in 0..<5 {
                _ = try await trainer.send(.post, "/v1/models/m/examples", goodLines(50, &random))
                _ = try await trainer.serverDigest()
                #expect(try await worker.infer(line).parameters.version == before.version)
            }
            relay.mend()
            #expect(try await worker.reaches(try await trainer.serverDigest()))
        }
    }

    @Test("an owner that restarts closes the model, with the reason, until it is created anew")
    func restart() async throws {
        let group = try await Group(nodes: 3, owners: 2)
        try await group.withNode(0) {
            try await group.withNode(2) {
                try await withClient(group.http[2]) { (client) async throws in
                    let early = try await client.send(.put, "/v1/models/m", Self.specs[0])
                    #expect(early.status == 503 && early.text.contains("s1"), "\(early.text)")
                    try await group.withNode(1) { try await learn(client) }
                    // The third node hears of it from the clock when the owner lives anew.
                    try await group.withNode(1) {
                        try await expectEventually("closed") {
                            let answer = try await client.send(.post, "/v1/models/m/examples", "1 |a x\n")
                            return answer.status == 503 && answer.text.contains("m is closed: s1")
                        }
                        try await learn(client)
                    }
                }
            }
        }
    }

    private func learn(_ client: HTTPClient) async throws {
        #expect(try await client.send(.put, "/v1/models/m", Self.specs[0]).status == 201)
        try await post("1 |a x\n-1 |a y\n", client)
        #expect(try await client.serverDigest().version == 2)
    }

    @Test("a model deleted by any node is gone on all")
    func deleted() async throws {
        let group = try await Group(nodes: 2, owners: 2)
        try await group.withNodes {
            try await withClient(group.http[1]) { (client) async throws in
                try await learn(client)
                #expect(try await client.send(.delete, "/v1/models/m").status == 200)
                try await expectEventually("gone") {
                    try await client.send(.post, "/v1/models/m/examples", "1 |a x\n").status == 404
                }
                try await learn(client)
            }
        }
    }

    private func expectEventually(_ what: Comment, _ isTrue: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while try await !isTrue() {
            guard ContinuousClock.now < deadline else {
                Issue.record(what)
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
