internal import Compression
internal import Configuration
internal import DeltaFeed
internal import Domain
internal import Features
internal import Format
internal import Foundation
internal import Journal
internal import ParameterServer

/// The reader that is fed: one a process, so that each has a corpus of its own.
private let target = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What SwiftPM links as this program's `main`: libFuzzer's own would stand in its way.
@_cdecl("fuzz_readers_main")
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = unsafe (count, arguments)
    return unsafe runDriver(&count, &arguments, fuzzOneInput)
}

/// One input. What a reader throws is fine; what traps or reads outside is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    switch target {
    case "journal": readJournal(bytes)
    case "snapshot": readSnapshot(bytes)
    case "delta": readDelta(bytes)
    case "spec": readSpec(bytes)
    case "message": readMessages(bytes)
    case "examples": readExamples(bytes)
    case "tensors": readTensors(bytes)
    case "packed": unpack(bytes)
    default: fatalError("FUZZ_TARGET is journal, snapshot, delta, spec, message, examples, tensors or packed")
    }
    return 0
}

/// A model of rows of two floats, and one of three.
private let fuzzedSpecs: [ModelSpec] = {
    var narrow = ModelSpec()
    narrow.bits = 10
    var wide = narrow
    wide.learner = .nag(rate: 0.5)
    return [narrow, wide]
}()

/// Entries of a frame whose checksum holds, then the bytes as a segment.
private func readJournal(_ bytes: [UInt8]) {
    do throws(FormatError) {
        var index = JournalIndex()
        try index.take(bytes, 0..<bytes.count, segment: 1)
        _ = index.heads
        var at = 0
        while at < bytes.count {
            let (_, entry, end) = try JournalEntry.read(bytes, at: at, end: bytes.count, withRows: true)
            if case .commit(_, _, let record) = entry {
                var sealed = record
                sealRecords(&sealed)
                // One of them has other columns.
                for spec in fuzzedSpecs {
                    var rows = ReadRows()
                    _ = try? rows.read(sealed, spec, .whole)
                }
            }
            at = end
        }
    } catch {}  // refused, as it should be
    let disk = MemoryDisk(segment: bytes)
    // Damage and torn tails are found, not believed.
    _ = try? JournalScan(disk) { _, _, _, _ in }
}

/// A footer whose checksum holds, and records of rows that do.
private func readSnapshot(_ bytes: [UInt8]) {
    var sum = CRC32C()
    sum.add(bytes.span)
    var trailer = FieldWriter()
    trailer.put(UInt64(bytes.count))
    trailer.put(sum.value)
    trailer.put(UInt32(0x4653_4C53))
    // Refused or not, it must not trap.
    _ = try? SnapshotFooter(bytes + trailer.bytes)
    var (sealed, reader, rows) = (bytes, RecordReader(), ReadRows())
    sealRecords(&sealed)
    do throws(FormatError) {
        while case .record(let header, let payload) = try reader.read(sealed.span) {
            if header.kind.carriesRows {
                let spec = fuzzedSpecs[header.columns == .wideState ? 1 : 0]
                try rows.read(header, sealed.span.extracting(payload), spec, .whole)
            }
            sealed.removeFirst(header.recordByteCount)
        }
    } catch {}  // refused, as it should be
}

/// A feed in two pieces, as a worker reads it: the first byte says where it is cut.
private func readDelta(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    var sealed = Array(bytes.dropFirst())
    sealRecords(&sealed)
    let cut = min(Int(first), sealed.count)
    var (window, rest) = (Array(sealed[..<cut]), Array(sealed[cut...]))
    var reader = RecordReader()
    var follower = DeltaFollower.waiting
    var (indices, values): ([UInt32], [Float]) = ([], [])
    do throws(FormatError) {
        while true {
            switch try reader.read(window.span) {
            case .needMore:
                guard !rest.isEmpty else { return }
                window += rest
                rest = []
            case .record(let header, let payload):
                _ = follower.received(header)
                if header.kind.carriesRows {
                    try decodeRows(
                        header, payload: window.span.extracting(payload), indexLimit: 1024, into: &indices,
                        values: &values)
                    precondition(indices.allSatisfy { $0 < 1024 } && indices.count == values.count, "decoded rows fit")
                }
                window.removeFirst(header.recordByteCount)
            }
        }
    } catch {}  // refused, as it should be
}

/// A spec that is read is written so that it reads back equal.
private func readSpec(_ bytes: [UInt8]) {
    // Refused: its error is a sentence.
    guard let spec = try? ModelSpec(yaml: String(decoding: bytes, as: UTF8.self)) else { return }
    guard let again = try? ModelSpec(yaml: spec.yaml) else { fatalError("its own YAML is refused: \(spec.yaml)") }
    precondition(again == spec, "it reads back equal: \(spec.yaml)")
}

/// Messages of another node, each with the checksum of its bytes.
private func readMessages(_ bytes: [UInt8]) {
    var sealed = bytes
    sealMessages(&sealed)
    var reader = EnvelopeReader()
    unsafe reader.append(sealed.span.bytes)
    do throws(FormatError) {
        while let envelope = try reader.next() {
            precondition(!envelope.bytes.isEmpty, "what is read can be written")
        }
    } catch {}  // refused, as it should be
}

private let formatPlan: Plan = {
    let yaml = """
        bits: 10
        crosses: ["ab", "::"]
        columns: {label: l, importance: w, numbers: [n], categories: [c]}
        transforms: {bins: {"n^n": [0.5, 2], "a^x": [1]}, trees: [{namespace: t, inputs: ["n^n"], trees: ["0<0x1p+0,l =0 =1"]}]}
        """
    guard let spec = try? ModelSpec(yaml: yaml) else { fatalError("the spec is read") }
    return Plan(spec)
}()

/// A text of the format that the first byte names, as a body in two pieces whose place the second names, and whole: the same batches.
private func readExamples(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    let format = ExampleFormat.allCases[Int(bytes[0]) % ExampleFormat.allCases.count]
    let text = (format == .csv ? Array("l,w,n,c\n".utf8) : []) + bytes[2...]
    let cut = Int(bytes[1]) % (text.count + 1)
    let whole = batches(format, [text])
    let pieces = batches(format, [Array(text[..<cut]), Array(text[cut...])])
    precondition(
        whole.map(\.digest) == pieces.map(\.digest) && whole.map(\.errors) == pieces.map(\.errors), "the same lines")
    for (one, other) in zip(whole, pieces) {
        let (one, other) = (one.examples, other.examples)
        precondition(
            one.exampleCount == other.exampleCount && one.featureCount == other.featureCount, "the same examples")
        for e in 0..<one.exampleCount {
            let features = one.features(of: e)
            precondition(features.count <= Limits.Features.perExampleMax, "no more features than an example may have")
            precondition(features.allSatisfy { $0.index < 1024 && $0.value.isFinite }, "features that can be learned")
        }
    }
}

private func batches(_ format: ExampleFormat, _ pieces: [[UInt8]]) -> [BatchCutter.Batch] {
    var cutter = BatchCutter(formatPlan, format, lineCount: 3)
    var found: [BatchCutter.Batch] = []
    do throws(BatchCutter.Failure) {
        for piece in pieces {
            unsafe cutter.append(piece.span.bytes)
            while let batch = try cutter.next(endsText: false) { found.append(batch) }
        }
        while let batch = try cutter.next(endsText: true) { found.append(batch) }
    } catch {}  // refused, as it should be
    return found
}

/// Tensors under the model's fingerprint.
private func readTensors(_ bytes: [UInt8]) {
    var sealed = bytes
    if sealed.count >= 32 {
        sealed.replaceSubrange(0..<6, with: [0x53, 0x4C, 0x43, 0x53, 1, 0])
        unsafe withUnsafeBytes(of: formatPlan.fingerprint.rawValue.littleEndian) {
            unsafe sealed.replaceSubrange(16..<24, with: $0)
        }
    }
    var cutter = TensorCutter(formatPlan)
    unsafe cutter.append(sealed.span.bytes)
    do throws(BatchCutter.Failure) {
        while let batch = try cutter.next(endsBody: true) {
            precondition(batch.examples.fits(rowCount: 1024), "indices of the model")
        }
    } catch {}  // refused, as it should be
}

/// The first byte says how the others are packed.
private func unpack(_ bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    let packed = Array(bytes.dropFirst())
    do throws(CompressionError) {
        var decompressor = try Decompressor(first % 2 == 0 ? .gzip : .zstd)
        var at = 0
        // Much may come of little; its reader need not ask for it.
        for _ in 0..<64 {
            guard try decompressor.decode(packed, first: packed.count, from: &at, { _ in }) else { break }
        }
        try decompressor.finish()
    } catch {}  // refused, as it should be
}
