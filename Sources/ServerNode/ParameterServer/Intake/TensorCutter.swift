internal import Domain
package import Features
internal import Format

/// Cuts a stream of batches as tensors (docs/FORMAT.md, "Tensors"). Each is learned whole or refused whole.
package struct TensorCutter: Sendable {
    private let fingerprint: Fingerprint
    private let indexCount: Int
    private let byteCountMax: Int
    private var window = ByteWindow()
    /// Number of the next batch in the body, counted from 1.
    private var number = 1

    package init(_ plan: Plan, byteCountMax: Int = Limits.Training.batchByteCountMax) {
        (fingerprint, indexCount) = (plan.fingerprint, plan.spec.indexCount)
        self.byteCountMax = byteCountMax
    }

    package mutating func append(_ bytes: RawSpan) { window.append(bytes) }

    /// Whether bytes are here that no batch has.
    package var hasBytes: Bool { window.byteCount > 0 }

    /// The next whole batch, or nil when more bytes are needed.
    package mutating func next(endsBody: Bool) throws(BatchCutter.Failure) -> BatchCutter.Batch? {
        guard window.byteCount > 0 else { return nil }
        let whole: (batch: BatchCutter.Batch, byteCount: Int)?
        do throws(TensorProblem) { whole = try read() } catch {
            throw error.isTooLarge ? .tensorsTooLarge(batch: number) : .unreadable("batch \(number): \(error.text)")
        }
        guard let (batch, byteCount) = whole else {
            if endsBody { throw .unreadable("batch \(number) ends in the middle") }
            return nil
        }
        window.removeFirst(byteCount)
        number += 1
        return batch
    }

    private func read() throws(TensorProblem) -> (batch: BatchCutter.Batch, byteCount: Int)? {
        guard window.byteCount >= TensorHeader.byteCount else { return nil }
        let header = try TensorHeader(window)
        guard header.fingerprint == fingerprint else {
            throw TensorProblem("its fingerprint is \(header.fingerprint), the model's is \(fingerprint)")
        }
        let byteCount = header.byteCount
        guard byteCount <= byteCountMax else { throw TensorProblem("it is too large", isTooLarge: true) }
        guard window.byteCount >= byteCount else { return nil }
        var digest = ContentDigest()
        digest.add(window.bytes, first: byteCount)
        let examples = try header.examples(window, indexCount: indexCount)
        let batch = BatchCutter.Batch(
            examples: examples, errors: LineErrors(), byteCount: byteCount, lineCount: header.exampleCount,
            digest: digest.value)
        return (batch, byteCount)
    }
}

/// Why a batch of tensors is refused.
struct TensorProblem: Error {
    let text: String
    let isTooLarge: Bool

    init(_ text: String, isTooLarge: Bool = false) { (self.text, self.isTooLarge) = (text, isTooLarge) }
}

/// What stands before a batch's tensors.
struct TensorHeader {
    static let byteCount = 32
    private static let magic: UInt32 = 0x5343_4C53  // SLCS
    private static let knownFlags: UInt16 = 3

    let hasImportances: Bool
    let hasValues: Bool
    let exampleCount: Int
    let featureCount: Int
    let fingerprint: Fingerprint

    /// - Precondition: the window holds the header.
    init(_ window: ByteWindow) throws(TensorProblem) {
        var fields = FieldReader(window.bytes, 0..<Self.byteCount)
        do throws(FormatError) {
            guard try fields.take(UInt32.self) == Self.magic else {
                throw .corrupt(what: "it does not begin with SLCS")
            }
            let version = try fields.take(UInt16.self)
            guard version == 1 else { throw .corrupt(what: "its version is \(version); 1 is read") }
            let flags = try fields.take(UInt16.self)
            guard flags & ~Self.knownFlags == 0 else { throw .corrupt(what: "it has flags that are not known") }
            (hasImportances, hasValues) = (flags & 1 != 0, flags & 2 != 0)
            exampleCount = Int(try fields.take(UInt32.self))
            featureCount = Int(try fields.take(UInt32.self))
            fingerprint = Fingerprint(try fields.take(UInt64.self))
            guard try fields.take(UInt64.self) == 0 else { throw .corrupt(what: "its last header field is not 0") }
        } catch { throw TensorProblem(error) }
    }

    /// Header and tensors. Counts of 32 bits do not overflow it.
    var byteCount: Int {
        let perExample = hasImportances ? 12 : 8
        return Self.byteCount + exampleCount * perExample + 4 + featureCount * (hasValues ? 8 : 4)
    }

    /// The tensors behind it, checked.
    ///
    /// - Precondition: the window holds them.
    func examples(_ window: ByteWindow, indexCount: Int) throws(TensorProblem) -> ExampleBatch {
        var fields = FieldReader(window.bytes, Self.byteCount..<byteCount)
        var (labels, importances, offsets): ([Float], [Float], [UInt32]) = ([], [], [])
        var (indices, values): ([UInt32], [Float]) = ([], [])
        do throws(FormatError) {
            labels = try fields.take(exampleCount, like: Float(0))
            importances =
                hasImportances
                ? try fields.take(exampleCount, like: Float(0)) : Array(repeating: 1, count: exampleCount)
            offsets = try fields.take(exampleCount + 1, like: UInt32(0))
            indices = try fields.take(featureCount, like: UInt32(0))
            if hasValues { values = try fields.take(featureCount, like: Float(0)) }
        } catch { throw TensorProblem(error) }
        for (e, label) in labels.enumerated() where label != 1 && label != 0 && label != -1 {
            throw TensorProblem("labels[\(e)] is \(label), not 1, -1 or 0")
        }
        for (e, importance) in importances.enumerated()
        where !(importance > 0 && importance <= Limits.Features.importanceMax) {
            throw TensorProblem("importances[\(e)] is \(importance), not above 0 and at most 65536")
        }
        guard offsets[0] == 0, offsets[exampleCount] == UInt32(featureCount) else {
            throw TensorProblem("offsets do not run from 0 to the \(featureCount) indices")
        }
        for e in 0..<exampleCount
        where offsets[e + 1] < offsets[e] || offsets[e + 1] - offsets[e] > UInt32(Limits.Features.perExampleMax) {
            throw TensorProblem("offsets[\(e + 1)] is not 0 to \(Limits.Features.perExampleMax) beyond offsets[\(e)]")
        }
        for (k, index) in indices.enumerated() where Int(index) >= indexCount {
            throw TensorProblem("indices[\(k)] is \(index), not below \(indexCount)")
        }
        for (k, value) in values.enumerated() where !(value.magnitude <= Limits.Features.valueMagnitudeMax) {
            throw TensorProblem("values[\(k)] is \(value), not a number within ±4294967296")
        }
        return batch(labels.map { $0 == 1 ? 1 : 0 }, importances, offsets, indices, values)
    }

    /// The batch that text would make: features of value 0 are left out.
    private func batch(
        _ labels: [Float], _ importances: [Float], _ offsets: [UInt32], _ indices: [UInt32], _ values: [Float]
    ) -> ExampleBatch {
        var (ends, kept, keptValues) = (Array(offsets.dropFirst()), indices, values)
        if values.contains(0) {
            (kept, keptValues) = ([], [])
            for e in 0..<exampleCount {
                for k in Int(offsets[e])..<Int(offsets[e + 1]) where values[k] != 0 {
                    kept.append(indices[k])
                    keptValues.append(values[k])
                }
                ends[e] = UInt32(kept.count)
            }
        }
        guard var batch = ExampleBatch(ends: ends, indices: kept, values: keptValues),
            let labelled = ExampleBatch(labels: labels, importances: importances)
        else { preconditionFailure("the tensors are checked") }
        batch.setLabels(of: labelled)
        return batch
    }
}

extension TensorProblem {
    fileprivate init(_ error: FormatError) {
        guard case .corrupt(let what) = error else {
            self.init("\(error)")
            return
        }
        self.init(what)
    }
}
