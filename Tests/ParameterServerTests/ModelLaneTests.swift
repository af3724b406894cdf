internal import Configuration
internal import DeltaFeed
internal import Domain
internal import Features
internal import Format
internal import Learning
internal import ParameterServer
internal import TestSupport
internal import Testing
internal import Transport

@Suite("A lane learns batches in order and publishes what they changed")
struct ModelLaneTests {
    @Test("each batch is answered once; the version is the number of examples learned")
    func versions() async throws {
        try await withLane { (lane) async throws in
            var random = SeededGenerator(seed: 1)
            var version: UInt64 = 0
            for count in [1, 7, 0, 100] {
                let text = count == 0 ? "oops\n" : goodLines(count, &random)
                version += UInt64(count)
                let outcome = try await lane.learn(text)
                #expect(outcome == .learned(Version(version), lane.history))
            }
            #expect(lane.status.withLockedValue { $0.version } == Version(108))
            #expect(lane.queuedByteCount.withLockedValue { $0 } == 0)
        }
    }

    @Test("a named trainer's batches: duplicate, conflict, gap, and a bad batch uses its number up")
    func named() async throws {
        try await withLane { (lane) async throws in
            let (learned, conflict): (BatchOutcome, BatchOutcome) = (.learned(Version(1), lane.history), .conflict)
            #expect(try await lane.learn("1 |a x\n", sequence: 2) == .gap(next: 1))
            #expect(try await lane.learn("1 |a x\n", sequence: 1) == learned)
            #expect(try await lane.learn("oops\n", sequence: 2) == learned)
            #expect(try await lane.learn("1 |a x\n", sequence: 1) == .duplicate(Version(1), lane.history))
            #expect(try await lane.learn("1 |a y\n", sequence: 1) == conflict)
            #expect(try await lane.learn("1 |a y\n", sequence: 68) == .gap(next: 3))
            #expect(await lane.mark(of: trainer)?.next == 3)
            #expect(await lane.mark(of: ModelName("nobody")!) == nil)
        }
    }

    @Test("behind a batch that is not taken nothing of its body is learned; another body goes on")
    func bodies() async throws {
        try await withLane { (lane) async throws in
            let learned = BatchOutcome.learned(Version(1), lane.history)
            #expect(try await lane.learn("1 |a x\n", sequence: 1) == learned)
            let body = OfferedBody()
            #expect(try await lane.learn("1 |a other\n", sequence: 1, in: body) == .conflict)
            guard case .refused = try await lane.learn("1 |a y\n", sequence: 2, in: body) else {
                Issue.record("learned behind a conflict")
                return
            }
            #expect(try await lane.learn("1 |a y\n", sequence: 2) == .learned(Version(2), lane.history))
        }
    }

    @Test("a lane that was closed answers what comes later")
    func closed() async throws {
        try await withLane { (lane) async throws in
            await lane.close("it was deleted")
            guard case .refused = try await lane.learn("1 |a x\n") else {
                Issue.record("learned by a deleted model")
                return
            }
            #expect(await lane.mark(of: trainer) == nil)
        }
    }

    @Test("batches that come in any order up to 64 ahead are learned in their own", arguments: 0..<5 as Range<UInt64>)
    func early(seed: UInt64) async throws {
        try await withLane { (lane) async throws in
            var random = SeededGenerator(seed: seed)
            let texts = (0..<60).map { _ in goodLines(3, &random) }
            var reference = Learner(.small())
            for text in texts { reference.learn(try batch(text, .small()).examples) }
            #expect(try await lane.learn(texts[0], sequence: 1) == .learned(Version(3), lane.history))
            let outcomes = try await withThrowingTaskGroup(of: (Int, BatchOutcome).self) { group in
                for place in (1..<60).shuffled(using: &random) {
                    group.addTask { (place, try await lane.learn(texts[place], sequence: UInt64(place + 1))) }
                }
                return try await group.reduce(into: [Int: BatchOutcome]()) { $0[$1.0] = $1.1 }
            }
            for place in 1..<60 {
                #expect(
                    outcomes[place] == .learned(Version(UInt64(3 * place + 3)), lane.history), "seed \(seed)")
            }
            #expect(await lane.publishDigest().digest == reference.digest, "seed \(seed)")
        }
    }

    @Test("an early batch whose predecessors do not come is answered with the number expected, after 2 s")
    func earlyTooLong() async throws {
        try await withLane { (lane) async throws in
            _ = try await lane.learn("1 |a x\n", sequence: 1)
            let start = ContinuousClock.now
            #expect(try await lane.learn("1 |a x\n", sequence: 3) == .gap(next: 2))
            #expect(ContinuousClock.now - start >= Limits.Training.earlyWait)
        }
    }

    @Test("a batch that waited too long is refused and not learned; so is one after the end")
    func refused() async throws {
        try await withLane { (lane) async throws in
            guard case .refused = try await lane.learn("1 |a x\n", wait: .zero) else {
                Issue.record("learned too late")
                return
            }
            #expect(lane.status.withLockedValue { $0.version } == .zero)
        }
    }

    @Test(
        "the digest is that of a learner over the same batches, with all options on", arguments: 0..<6 as Range<UInt64>)
    func digest(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var spec = ModelSpec.small()
        if seed % 3 > 0 { spec.learner = seed % 3 == 1 ? .adagrad(rate: 0.2) : .nag(rate: 0.5) }
        var reference = Learner(spec)
        try await withLane(spec) { (lane) async throws in
            for _ in 0..<20 {
                let text = goodLines(.random(in: 1...50, using: &random), &random)
                reference.learn(try batch(text, spec).examples)
                _ = try await lane.learn(text)
            }
            let (digest, version) = await lane.publishDigest()
            #expect(digest == reference.digest, "seed \(seed)")
            #expect(version == Version(reference.exampleCount), "seed \(seed)")
        }
    }

    @Test("what was learned is published at the interval, without a further batch")
    func interval() async throws {
        try await withLane(publishInterval: .milliseconds(50)) { (lane) async throws in
            _ = try await lane.learn("1 |a x\n")
            _ = try await lane.learn("1 |a y\n")
            try await eventually("version 2 is published") { lane.hub.position.version == Version(2) }
        }
    }

    @Test("within the interval nothing is published twice")
    func notBefore() async throws {
        try await withLane(publishInterval: .seconds(3600)) { (lane) async throws in
            for _ in 0..<50 { _ = try await lane.learn("1 |a x\n") }
            #expect(lane.hub.position.version == .zero)
            _ = await lane.publishDigest()
            #expect(lane.hub.position.version == Version(50) && lane.hub.position.endNumber == 1)
        }
    }
}

let trainer = ModelName("anna")!

/// A lane for the length of a test.
func withLane(
    _ spec: ModelSpec = .small(), publishInterval: Duration = .milliseconds(5),
    _ body: (ModelLane) async throws -> Void
) async throws {
    let identity = ModelIdentity(
        name: ModelName("clicks")!, spec: spec.yaml, fingerprint: spec.fingerprint, owners: [0])
    let lane = ModelLane(identity, spec, history: History(77), publishInterval: publishInterval)
    await withCheckedContinuation { continuation in lane.gather { _ in continuation.resume() } }
    do { try await body(lane) } catch {
        await lane.close("the test is over")
        throw error
    }
    await lane.close("the test is over")
}

extension ModelLane {
    /// Publishes all rows' digest and waits for it.
    func publishDigest() async -> (digest: WeightDigest, version: Version) {
        await withCheckedContinuation { continuation in
            publishDigest { continuation.resume(returning: $0 ?? (WeightDigest(), .zero)) }
        }
    }

    /// Offers a text as one batch and waits for its outcome.
    func learn(
        _ text: String, sequence: UInt64? = nil, in body: OfferedBody = OfferedBody(), wait: Duration = .seconds(20)
    ) async throws -> BatchOutcome {
        let cut = try batch(text, spec)
        let name = sequence.map { Offer.Name(trainer: trainer, sequence: $0, digest: cut.digest) }
        return await withCheckedContinuation { continuation in
            submit(
                Offer(
                    name: name, body: body, batch: cut.examples, byteCount: cut.byteCount, refusedAfter: .now + wait,
                    answer: { outcome, _ in continuation.resume(returning: outcome) }))
        }
    }
}
