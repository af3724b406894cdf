internal import Configuration
internal import Domain
internal import Features
internal import Format
internal import Learning
internal import TestSupport
internal import Testing
internal import Transport

private let yaml = "bits: 12\nlearner: {rule: ftrl, alpha: 0.3, beta: 0.5, l1: 0.01, l2: 0.1}\n"

@Suite("Workers hold exactly the server's weights")
struct ClusterTests {
    @Test("two workers reach the server's digest at the same version all along; so does one started late")
    func digests() async throws {
        try await withServer { (ports) async throws in
            try await withClient(ports.http) { (trainer) async throws in
                #expect(try await trainer.send(.put, "/v1/models/m", yaml).status == 201)
                try await withWorker(following: ports.peer) { (first) async throws in
                    try await withWorker(following: ports.peer) { (second) async throws in
                        try await withClient(first) { (a) async throws in
                            try await withClient(second) { (b) async throws in
                                try await train(trainer, workers: [a, b], port: ports.peer)
                            }
                        }
                    }
                }
            }
        }
    }

    private func train(_ trainer: HTTPClient, workers: [HTTPClient], port: Int) async throws {
        var random = SeededGenerator(seed: 1)
        var reference = Learner(try ModelSpec(yaml: yaml))
        for worker in workers { #expect(try await worker.waitForModel()) }
        for round in 0..<8 {
            let text = goodLines(200, &random)
            reference.learn(examples(text, reference.spec))
            #expect(try await trainer.send(.post, "/v1/models/m/examples", text).status == 200)
            let wanted = try await trainer.serverDigest()
            #expect(wanted.digest == reference.digest.description)
            #expect(wanted.version == reference.exampleCount)
            for worker in workers {
                let isEqual = try await worker.reaches(wanted)
                #expect(isEqual, "round \(round)")
            }
        }
        try await withWorker(following: port) { (late) async throws in
            try await withClient(late) { (worker) async throws in
                #expect(try await worker.waitForModel())
                let wanted = try await trainer.serverDigest()
                #expect(try await worker.reaches(wanted))
            }
        }
    }

    @Test("two trainers' batches with retries are each learned once, in the order of their versions")
    func exactlyOnce() async throws {
        try await withServer { (ports) async throws in
            try await withClient(ports.http) { (client) async throws in
                #expect(try await client.send(.put, "/v1/models/m", yaml).status == 201)
                let spec = try ModelSpec(yaml: yaml)
                var random = SeededGenerator(seed: 2)
                let texts = (0..<2).map { _ in (0..<15).map { _ in goodLines(20, &random) } }
                let learned = Locked<[UInt64: String]>([:])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    // Each trainer's batches are posted by two clients that know nothing of each other.
                    for (trainer, texts) in texts.enumerated() {
                        for _ in 0..<2 {
                            group.addTask { try await post(texts, trainer: "t\(trainer)", ports.http, learned) }
                        }
                    }
                    try await group.waitForAll()
                }
                let byVersion = learned.withLockedValue { $0 }
                #expect(byVersion.count == 30)
                var reference = Learner(spec)
                for (version, text) in byVersion.sorted(by: { $0.key < $1.key }) {
                    reference.learn(examples(text, spec))
                    #expect(reference.exampleCount == version)
                }
                let found = try await client.serverDigest()
                #expect(found.digest == reference.digest.description && found.version == 600)
            }
        }
    }

    /// Posts a trainer's batches in order, each until it was learned, and once more.
    private func post(
        _ texts: [String], trainer: String, _ port: Int, _ learned: Locked<[UInt64: String]>
    ) async throws {
        try await withClient(port) { (client) async throws in
            for (place, text) in texts.enumerated() {
                for _ in 0..<2 {
                    let answer = try await client.send(
                        .post, "/v1/models/m/examples",
                        headers: [("sluice-trainer", trainer), ("sluice-sequence", String(place + 1))], text)
                    #expect(answer.status == 200, "\(answer.text)")
                    let version = answer.text.split(separator: "\"version\":").last?.prefix { $0.isNumber }
                    guard let version = version.flatMap({ UInt64($0) }) else {
                        Issue.record("no version: \(answer.text)")
                        continue
                    }
                    let before = learned.withLockedValue { $0.updateValue(text, forKey: version) }
                    #expect(before == nil || before == text, "two batches at one version")
                }
            }
        }
    }

    @Test("the same prediction bit for bit: learner, line, indices; and the worker answers on without the server")
    func sameBits() async throws {
        let spec = try ModelSpec(yaml: yaml)
        var random = SeededGenerator(seed: 3)
        let (training, asked) = (goodLines(500, &random), goodLines(1, &random).dropLast())
        let query = examples(String(asked), spec, .scoring)
        var reference = Learner(spec)
        reference.learn(examples(training, spec))
        var probe = examples(String(asked), spec)
        reference.learn(probe)
        let expected = reference.margins[0]
        probe.removeAll()
        let features = query.features(of: 0)
        let line = "{\"name\":\"line\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"\(asked)\"]}"
        let csr = """
            {"name":"indices","shape":[\(features.count)],"datatype":"UINT32","data":\(features.map(\.index))},\
            {"name":"values","shape":[\(features.count)],"datatype":"FP32","data":\(features.map(\.value))},\
            {"name":"offsets","shape":[2],"datatype":"INT32","data":[0,\(features.count)]}
            """
        func ask(_ worker: HTTPClient) async throws {
            let fingerprint = "\"fingerprint\":\"\(spec.fingerprint)\""
            #expect(try await worker.infer(line).margins == [expected])
            #expect(try await worker.infer(csr, parameters: fingerprint).margins == [expected])
        }
        let (peers, peer) = AsyncStream.makeStream(of: Int.self)
        let (askeds, askedOnce) = AsyncStream.makeStream(of: Void.self)
        let (ends, serverEnded) = AsyncStream.makeStream(of: Void.self)
        async let server: Void = {
            defer {
                peer.finish()
                serverEnded.finish()
            }
            try await withServer { (ports) async throws in
                try await withClient(ports.http) { (trainer) async throws in
                    _ = try await trainer.send(.put, "/v1/models/m", yaml)
                    _ = try await trainer.send(.post, "/v1/models/m/examples", training)
                    peer.yield(ports.peer)
                    for await _ in askeds {}
                }
            }
        }()
        for await port in peers {
            defer { askedOnce.finish() }
            try await withWorker(following: port) { (http) async throws in
                try await withClient(http) { (worker) async throws in
                    #expect(try await worker.waitForModel())
                    while try await worker.infer(line).parameters.version != 500 { await Task.yield() }
                    try await ask(worker)
                    askedOnce.finish()
                    for await _ in ends {}
                    try await ask(worker)
                }
            }
        }
        try await server
    }
}
