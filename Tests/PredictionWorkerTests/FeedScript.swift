internal import Configuration
internal import Domain
internal import Features
internal import Format
internal import PredictionWorker
internal import Scoring
internal import Testing
internal import Transport

/// A feed written by a test: it holds the weights of the version it stands at.
struct FeedScript {
    static let indexCount = 256
    var spec: ModelSpec = {
        var spec = ModelSpec()
        spec.bits = 8
        return spec
    }()
    var history = History(0xabc)
    private(set) var version: UInt64 = 10
    private(set) var weights = (0..<Self.indexCount).map { $0 % 3 == 0 ? Float($0) * 0.5 : 0 }

    var digest: WeightDigest { Format.digest(weights: weights.span, firstIndex: 0) }

    func stamp(_ base: UInt64, digest: RangeDigest? = nil) -> RecordStamp {
        RecordStamp(
            history: history, baseVersion: Version(base), version: Version(version), watermarkMilliseconds: version,
            fingerprint: spec.fingerprint, digest: digest)
    }

    /// Spec, copyBegin, chunks, copyEnd.
    func copy() -> [UInt8] {
        var stream = CopyStream(
            spec: spec, history: history, version: Version(version), watermarkMilliseconds: version)
        var bytes = stream.begin()
        while stream.nextRange != nil { bytes += stream.chunk(weights) }
        return bytes + stream.end()
    }

    /// Changes rows, every step-th, and names the digest of all.
    mutating func delta(by count: UInt64 = 5, step: Int = 7, _ change: (inout RecordStamp) -> Void = { _ in })
        -> [UInt8]
    {
        let base = version
        version += count
        let indices = stride(from: Int(version) % step, to: Self.indexCount, by: step).map { UInt32($0) }
        for index in indices { weights[Int(index)] = Float(version) * 0.25 + Float(index) }
        let values = indices.map { weights[Int($0)] }
        var stamp = stamp(base, digest: wholeDigest)
        change(&stamp)
        var bytes: [UInt8] = []
        appendRows(.delta, stamp: stamp, indices: indices.span, values: values.span, to: &bytes)
        return bytes
    }

    var wholeDigest: RangeDigest { RangeDigest(indices: 0..<UInt64(Self.indexCount), digest: digest) }

    func heartbeat(_ change: (inout RecordStamp) -> Void = { _ in }) -> [UInt8] {
        var stamp = stamp(version, digest: wholeDigest)
        change(&stamp)
        var bytes: [UInt8] = []
        appendMark(.heartbeat, stamp: stamp, to: &bytes)
        return bytes
    }
}

/// A replica with event loops of its own, and what readers on each of them see.
struct Follower {
    let replica: Replica
    let status = Locked(ReplicaStatus())
    private let loops: PerLoop<LoopModels>
    private let name = ModelName("clicks")!

    private static let group = makeEventLoops(2)
    private static let thread = WorkThread()

    init() async {
        loops = await PerLoop(Self.group) { LoopModels() }
        replica = Replica(name: name, loops: loops, thread: Self.thread, status: status)
    }

    func take(_ bytes: some Sequence<UInt8>) async throws { try await replica.take(Bytes(bytes: Array(bytes))) }

    /// The version every loop serves, and the digest of its weights.
    func served(location: SourceLocation = #_sourceLocation) async -> (version: UInt64?, digest: WeightDigest) {
        let seen = Locked<[ServingModel?]>([])
        let name = name
        await loops.onEach { models in seen.withLockedValue { $0.append(models.model(name)) } }
        let models = seen.withLockedValue { $0 }
        #expect(Set(models.map { $0?.version }).count == 1, "loops differ", sourceLocation: location)
        guard let model = models.first ?? nil else { return (nil, WeightDigest()) }
        return (
            model.version.rawValue,
            model.table.withWeights(0..<model.table.indexCount) { Format.digest(weights: $0, firstIndex: 0) }
        )
    }

    /// Readers must see exactly what the script holds.
    func expectEqual(_ script: FeedScript, _ what: Comment, location: SourceLocation = #_sourceLocation) async {
        let (version, digest) = await served(location: location)
        #expect(version == script.version, what, sourceLocation: location)
        #expect(digest == script.digest, what, sourceLocation: location)
    }
}
