internal import DeltaFeed
internal import Domain
internal import Features
internal import Format
internal import Learning
internal import ParameterServer
internal import Synchronization
internal import TestSupport
internal import Testing
internal import Transport

/// Follows records in the plainest way: a dictionary, and every rule of docs/FORMAT.md checked.
private struct PlainTable {
    private(set) var weights: [UInt32: Float] = [:]
    private(set) var version: Version?
    private var copied: Version?
    let spec: ModelSpec

    init(_ spec: ModelSpec) { self.spec = spec }

    mutating func take(_ bytes: Bytes) throws {
        let bytes = Array(bytes.readableBytesView)
        var reader = RecordReader()
        var rest = bytes[...]
        while !rest.isEmpty {
            let record = Array(rest)
            guard case .record(let header, let payload) = try reader.read(record.span) else {
                Issue.record("a record is cut off")
                return
            }
            try take(header, record.span.extracting(payload))
            rest = rest.dropFirst(header.recordByteCount)
        }
    }

    private mutating func take(_ header: RecordHeader, _ payload: Span<UInt8>) throws {
        let stamp = header.stamp
        switch header.kind {
        case .spec: break
        case .copyBegin: (weights, version, copied) = ([:], nil, stamp.version)
        case .chunk: try set(header, payload)
        case .delta:
            #expect(stamp.baseVersion == copied ?? version)
            try set(header, payload)
            if copied != nil { copied = stamp.version } else { version = stamp.version }
        case .copyEnd:
            #expect(stamp.version == copied)
            (version, copied) = (copied, nil)
        case .heartbeat:
            #expect(copied == nil, "docs/FORMAT.md: no heartbeat inside a copy")
            #expect(stamp.version == version)
        }
        if let named = stamp.digest, copied == nil { #expect(digest(in: named.indices) == named.digest) }
    }

    private mutating func set(_ header: RecordHeader, _ payload: Span<UInt8>) throws {
        var (indices, values): ([UInt32], [Float]) = ([], [])
        try decodeRows(
            header, payload: payload, indexLimit: UInt64(spec.indexCount), into: &indices, values: &values)
        for (index, value) in zip(indices, values) { weights[index] = value }
    }

    private func digest(in range: Range<UInt64>) -> WeightDigest {
        var sum = WeightDigest()
        for (index, weight) in weights where range.contains(UInt64(index)) {
            sum.add(index: UInt64(index), weight: weight)
        }
        return sum
    }

    var digest: WeightDigest { digest(in: 0..<UInt64(spec.indexCount)) }
}

@Suite("A copy with the parts after it is exactly the learner, though training goes on between its chunks")
struct CopyTests {
    /// Bits for several chunks a copy.
    private let spec = ModelSpec.small(bits: 18)

    @Test("chunks, batches and publishes in any order", arguments: 0..<8 as Range<UInt64>)
    func copy(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var reference = Learner(spec)
        var table = PlainTable(spec)
        try await withLane(spec, publishInterval: .seconds(3600)) { (lane) async throws in
            func train() async throws {
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let text = goodLines(.random(in: 1...30, using: &random), &random)
                    reference.learn(try batch(text, spec).examples)
                    _ = try await lane.learn(text)
                    if Int.random(in: 0..<3, using: &random) == 0 { _ = await lane.publishDigest() }
                }
            }
            func takeParts(_ next: inout UInt64, upTo version: Version? = nil) throws {
                while case .part(let part) = lane.hub.part(next), part.version <= version ?? part.version {
                    // A part that changes nothing is a heartbeat, which is not sent inside a copy.
                    if part.base < part.version { try table.take(part.bytes) }
                    next += 1
                }
            }
            try await train()
            let (copy, begin, first) = await lane.onLane { $0.beginCopy() }
            var next = first
            try table.take(begin)
            while true {
                try await train()
                guard let chunk = await lane.onLane({ $0.chunk(of: copy) }) else { break }
                try table.take(chunk)
                if Bool.random(using: &random) { try takeParts(&next) }
            }
            let (end, mark) = await lane.end(copy)
            let (digestAtEnd, versionAtEnd) = (reference.digest, Version(reference.exampleCount))
            try await train()
            try takeParts(&next, upTo: end)
            try table.take(mark)
            #expect(end == versionAtEnd && table.version == end, "seed \(seed)")
            #expect(table.digest == digestAtEnd, "seed \(seed)")

            _ = await lane.publishDigest()
            while case .part(let part) = lane.hub.part(next) {
                try table.take(part.bytes)
                next += 1
            }
            #expect(table.version == Version(reference.exampleCount), "seed \(seed)")
            #expect(table.digest == reference.digest, "seed \(seed)")
        }
    }

    @Test("1,024 publishes name every row for comparison, each once")
    func digestRanges() async throws {
        let spec = ModelSpec.small(bits: 11)
        var table = PlainTable(spec)
        try await withLane(spec, publishInterval: .zero) { (lane) async throws in
            var named: [Int] = Array(repeating: 0, count: spec.indexCount)
            let (copy, begin, first) = await lane.onLane { $0.beginCopy() }
            try table.take(begin)
            while let chunk = await lane.onLane({ $0.chunk(of: copy) }) { try table.take(chunk) }
            let (_, end) = await lane.end(copy)
            try table.take(end)
            var next = first
            for number in 0..<1024 {
                _ = try await lane.learn("1 |a x\(number)\n")
                await lane.onLane { _ in }  // The trainer is answered first, then the batch is published.
                guard case .part(let part) = lane.hub.part(next) else {
                    Issue.record("batch \(number) was not published")
                    return
                }
                next += 1
                try table.take(part.bytes)
                let bytes = Array(part.bytes.readableBytesView)
                var reader = RecordReader()
                guard case .record(let header, _) = try reader.read(bytes.span), let range = header.stamp.digest else {
                    Issue.record("part \(number) names no digest")
                    return
                }
                for index in range.indices { named[Int(index)] += 1 }
            }
            #expect(named.allSatisfy { $0 == 1 })
        }
    }
}

extension ModelLane {
    /// Runs work between two batches and waits for its answer.
    func onLane<Value: Sendable>(_ body: @escaping @Sendable (ModelLane) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            runWithRows { continuation.resume(returning: body($0)) }
        }
    }

    /// Ends a copy and waits until it is published.
    func end(_ copy: LaneCopy) async -> (version: Version, record: Bytes) {
        await withCheckedContinuation { continuation in
            runWithRows { $0.endCopy(copy) { continuation.resume(returning: $0!) } }
        }
    }
}
