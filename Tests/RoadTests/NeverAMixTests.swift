internal import Configuration
internal import Domain
internal import Format
internal import Scoring
internal import TestSupport
internal import Testing
internal import Transport

/// An owner that speaks the feed and sets every weight of its shard to the version's number: a copy of version 1, then
/// deltas, at moments of its own.
///
/// Safe because it is touched on its exchange's loop only.
private final class ScriptedFeed: BodyReceiver, @unchecked Sendable {
    private let spec: ModelSpec
    private let shard: Shard
    private var version: UInt64 = 1
    private var random: SeededGenerator

    init(_ exchange: Exchange, _ spec: ModelSpec, _ shard: Shard, seed: UInt64) {
        self.spec = spec
        self.shard = shard
        random = SeededGenerator(seed: seed)
        exchange.start(status: 200, contentType: "application/octet-stream")
    }

    func received(_ chunk: Bytes, on exchange: Exchange) { exchange.consumed(chunk.readableBytes) }
    func cancelled() {}

    func ended(_ exchange: Exchange) {
        var stream = CopyStream(
            spec: spec, shard: shard, history: History(9), version: Version(1), watermarkMilliseconds: 0)
        var bytes = stream.begin()
        bytes += stream.chunk([Float](repeating: 1, count: spec.indexCount / shard.count))
        exchange.write(Bytes(bytes: bytes + stream.end()))
        push(exchange)
    }

    private func push(_ exchange: Exchange) {
        let indices = (0..<spec.indexCount / shard.count).map { UInt32(shard.index(ofRow: $0)) }
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let values = indices.map { _ in Float(version + 1) }
            let stamp = RecordStamp(
                history: History(9), baseVersion: Version(version), version: Version(version + 1),
                watermarkMilliseconds: 0, fingerprint: spec.fingerprint, ownerIndex: UInt16(shard.number),
                ownerCount: UInt16(shard.count))
            var bytes: [UInt8] = []
            appendRows(.delta, stamp: stamp, indices: indices.span, values: values.span, to: &bytes)
            exchange.write(Bytes(bytes: bytes))
            version += 1
        }
        // Margins stay exact: products are clamped at ±512.
        guard version < 450 else { return }
        _ = exchange.schedule(after: .milliseconds(1)) { self.push($0) }
    }
}

@Suite("An answer is of one version, never a mix")
struct NeverAMixTests {
    @Test(
        "while every weight changes with every version, k features make k times the version told",
        arguments: [1, 2] as [UInt64], [1, 2, 4])
    func neverAMix(seed: UInt64, ownerCount: Int) async throws {
        var spec = ModelSpec()
        spec.bits = 10
        spec.hashing.constant = false
        var owners: [HTTPListener] = []
        for place in 0..<ownerCount {
            owners.append(try await listen(spec, Shard(place, of: ownerCount), seed: seed + UInt64(place)))
        }
        try await withWorker(following: owners.map(\.port)) { (http: Int) async throws in
            try await withThrowingTaskGroup(of: Set<UInt64>.self) { group in
                for client in 0..<3 { group.addTask { try await ask(http, featureCount: 10 + 37 * client) } }
                for try await versions in group { #expect(versions.count > 5, "seed \(seed): \(versions.count)") }
            }
        }
        for owner in owners { await owner.drain(within: .zero) }
    }

    private func listen(_ spec: ModelSpec, _ shard: Shard, seed: UInt64) async throws -> HTTPListener {
        try await HTTPListener.start(
            host: "127.0.0.1", port: 0, group: testLoops,
            router: Router([
                .whole(.get, "/v1/peer/models", bodyLimit: 0) { exchange, _ in
                    exchange.respond(status: 200, contentType: "text/plain", body: Bytes(string: "m\n"))
                },
                .streaming(.get, "/v1/peer/models/{model}/feed") { ScriptedFeed($0, spec, shard, seed: seed) },
            ]))
    }

    /// Asks until the last version is told; the versions seen.
    private func ask(_ port: Int, featureCount: Int) async throws -> Set<UInt64> {
        let features = (0..<featureCount).map { "f\($0)" }.joined(separator: " ")
        let line = "{\"name\":\"line\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":[\"|a \(features)\"]}"
        var versions: Set<UInt64> = []
        let deadline = ContinuousClock.now + .seconds(10)
        try await withClient(port) { (client) async throws in
            #expect(try await client.waitForModel())
            while ContinuousClock.now < deadline {
                let answer = try await client.infer(line)
                let version = answer.parameters.version
                #expect(answer.margins == [Double(featureCount) * Double(version)])
                versions.insert(version)
                if version >= 450 { break }
            }
        }
        return versions
    }
}
