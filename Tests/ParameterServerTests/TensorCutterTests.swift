internal import Domain
internal import Features
internal import Format
internal import ParameterServer
internal import TestSupport
internal import Testing

/// A batch as tensors, field by field as docs/FORMAT.md has it.
private struct Tensors {
    var magic: UInt32 = 0x5343_4C53
    var version: UInt16 = 1
    var fingerprint: Fingerprint
    var labels: [Float] = [1, 0, -1]
    var importances: [Float]? = [1, 2, 0.5]
    var offsets: [UInt32] = [0, 2, 2, 5]
    var indices: [UInt32] = [7, 4095, 0, 7, 9]
    var values: [Float]? = [1, -2.5, 3, 0, 1]
    var flags: UInt16?
    var last: UInt64 = 0

    var bytes: [UInt8] {
        var out = FieldWriter()
        out.put(magic)
        out.put(version)
        out.put(flags ?? (importances == nil ? 0 : 1) | (values == nil ? 0 : 2))
        out.put(UInt32(labels.count))
        out.put(UInt32(indices.count))
        out.put(fingerprint.rawValue)
        out.put(last)
        for label in labels + (importances ?? []) { out.put(label.bitPattern) }
        for number in offsets + indices { out.put(number) }
        for value in values ?? [] { out.put(value.bitPattern) }
        return out.bytes
    }
}

@Suite("Tensors are cut into batches that text could have made")
struct TensorCutterTests {
    private let plan = Plan(.small())

    private func cut(_ bytes: [UInt8], piece: Int = .max, byteCountMax: Int = 10000) throws -> [BatchCutter.Batch] {
        var cutter = TensorCutter(plan, byteCountMax: byteCountMax)
        var found: [BatchCutter.Batch] = []
        for start in stride(from: 0, to: bytes.count, by: min(piece, max(1, bytes.count))) {
            let part = Array(bytes[start..<min(bytes.count, start + min(piece, bytes.count))])
            part.span.withBytes { cutter.append($0) }
            while let batch = try cutter.next(endsBody: false) { found.append(batch) }
        }
        while let batch = try cutter.next(endsBody: true) { found.append(batch) }
        return found
    }

    private func batchOf(_ change: (inout Tensors) -> Void) -> [UInt8] {
        var tensors = Tensors(fingerprint: plan.fingerprint)
        change(&tensors)
        return tensors.bytes
    }

    private func texts(_ batch: ExampleBatch) -> [[String]] {
        (0..<batch.exampleCount).map { batch.features(of: $0).map { "\($0.index):\($0.value)" } }
    }

    @Test("labels, importances, features; those of value 0 are left out", arguments: [1, 5, 32, 1000])
    func whole(piece: Int) throws {
        let plain = batchOf { ($0.importances, $0.values) = (nil, nil) }
        let found = try cut(batchOf { _ in } + plain, piece: piece)
        try #require(found.count == 2)
        #expect(Array(found[0].examples.labels[..<3]) == [1, 0, 0])
        #expect(Array(found[0].examples.importances[..<3]) == [1, 2, 0.5])
        #expect(texts(found[0].examples) == [["7:1.0", "4095:-2.5"], [], ["0:3.0", "9:1.0"]])
        #expect(Array(found[1].examples.importances[..<3]) == [1, 1, 1])
        #expect(texts(found[1].examples) == [["7:1.0", "4095:1.0"], [], ["0:1.0", "7:1.0", "9:1.0"]])
        #expect(found[0].digest != found[1].digest)
        #expect(found.map(\.lineCount) == [3, 3])
    }

    @Test("the page's example is what it says")
    func page() throws {
        let bytes = try FormatPage().bytes(of: "tensors")
        let tensors = Tensors(
            fingerprint: Fingerprint(0xfedc_ba98_7654_3210), labels: [1, 0], importances: [1, 2.5], offsets: [0, 2, 3],
            indices: [7, 116_060, 7], values: [1, 0.5, -2])
        #expect(tensors.bytes == bytes)
    }

    @Test("what is wrong is told by batch, tensor and element")
    func refused() throws {
        let other = Fingerprint(0x0123_4567_89ab_cdef)
        let cases: [(String, (inout Tensors) -> Void)] = [
            ("it does not begin with SLCS", { $0.magic = 0 }), ("its version is 2; 1 is read", { $0.version = 2 }),
            ("it has flags that are not known", { $0.flags = 4 }),
            ("its last header field is not 0", { $0.last = 1 }),
            ("its fingerprint is \(other), the model's is \(plan.fingerprint)", { $0.fingerprint = other }),
            ("labels[1] is 0.5, not 1, -1 or 0", { $0.labels[1] = 0.5 }),
            ("labels[0] is nan, not 1, -1 or 0", { $0.labels[0] = .nan }),
            ("importances[2] is 0.0, not above 0 and at most 65536", { $0.importances?[2] = 0 }),
            ("importances[0] is nan, not above 0 and at most 65536", { $0.importances?[0] = .nan }),
            ("offsets do not run from 0 to the 5 indices", { $0.offsets[0] = 1 }),
            ("offsets do not run from 0 to the 5 indices", { $0.offsets[3] = 4 }),
            ("offsets[2] is not 0 to 4096 beyond offsets[1]", { $0.offsets[2] = 1 }),
            ("offsets[2] is not 0 to 4096 beyond offsets[1]", { $0.offsets[2] = .max }),
            ("indices[4] is 4096, not below 4096", { $0.indices[4] = 4096 }),
            ("values[3] is inf, not a number within ±4294967296", { $0.values?[3] = .infinity }),
            ("values[0] is nan, not a number within ±4294967296", { $0.values?[0] = .nan }),
        ]
        for (reason, change) in cases {
            #expect(throws: BatchCutter.Failure.unreadable("batch 2: \(reason)")) {
                try cut(batchOf { _ in } + batchOf(change))
            }
        }
    }

    @Test("a batch cut off anywhere is none; one that is too large is refused before it has come")
    func bounds() throws {
        let bytes = batchOf { _ in }
        for count in 1..<bytes.count {
            #expect(throws: BatchCutter.Failure.unreadable("batch 1 ends in the middle")) {
                try cut(Array(bytes[..<count]))
            }
        }
        #expect(try cut([]).isEmpty)
        #expect(throws: BatchCutter.Failure.tensorsTooLarge(batch: 1)) {
            try cut(Array(bytes[..<32]), byteCountMax: bytes.count - 1)
        }
        let huge = batchOf { ($0.labels, $0.indices) = (Array(repeating: 1, count: 2), []) }
        var counts = huge
        for k in 8..<16 { counts[k] = 0xFF }
        #expect(throws: BatchCutter.Failure.tensorsTooLarge(batch: 1)) { try cut(counts) }
    }

    @Test("no example has more features than text could give it")
    func tooMany() {
        let bytes = batchOf {
            $0.indices = Array(repeating: 1, count: 4097)
            ($0.values, $0.offsets) = (nil, [0, 4097, 4097, 4097])
        }
        #expect(throws: BatchCutter.Failure.unreadable("batch 1: offsets[1] is not 0 to 4096 beyond offsets[0]")) {
            try cut(bytes, byteCountMax: 100_000)
        }
    }
}
