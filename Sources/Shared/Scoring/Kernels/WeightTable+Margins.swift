internal import Domain
package import Features

extension WeightTable {
    /// The margins of a parsed batch.
    ///
    /// - Parameters:
    ///   - base: what every margin begins with: that of a context, whose candidates the examples are. The sum is exact, as both are
    ///     multiples of 2^-32 below 2^21.
    ///   - margins: grows to hold one for each example; the first E are written.
    /// - Precondition: the batch was parsed for a model of this table's bits.
    package func score(_ batch: borrowing ExampleBatch, behind base: Double = 0, into margins: inout [Double]) {
        guard batch.exampleCount > 0 else { return }
        grow(&margins, to: batch.exampleCount)
        let (examples, features) = (batch.exampleCount, batch.featureCount)
        unsafe batch.offsets.withUnsafeBytes { offsets in
            unsafe batch.indices.withUnsafeBytes { indices in
                unsafe batch.values.withUnsafeBytes { values in
                    let columns = unsafe ScoringColumns(
                        offsets: offsets.baseAddress!, indices: indices.baseAddress!, values: values.baseAddress!,
                        featureCount: features)
                    score(columns, examples, base, into: &margins)
                }
            }
        }
    }

    /// The margins of examples given as CSR tensors, checked first.
    ///
    /// - Parameters:
    ///   - offsets: shape [E + 1], UInt32 or Int32, little-endian.
    ///   - indices: shape [features], UInt32: hashed features, the constant among them where the model has one.
    ///   - values: shape [features], Float; empty where every value is 1.
    ///   - base: what every margin begins with.
    ///   - margins: grows to hold one for each example; the first E are written.
    /// - Throws: the first thing wrong, by its place.
    package func score(
        offsets: RawSpan, indices: RawSpan, values: RawSpan, featuresMax: Int, behind base: Double = 0,
        into margins: inout [Double]
    ) throws(TensorError) {
        let examples = offsets.byteCount / 4 - 1
        let features = indices.byteCount / 4
        precondition(examples >= 0 && (values.isEmpty || values.byteCount == indices.byteCount), "shapes were checked")
        grow(&margins, to: examples)
        let problem: TensorError? = unsafe offsets.withUnsafeBytes { offsets in
            unsafe indices.withUnsafeBytes { indices in
                unsafe values.withUnsafeBytes { values in
                    guard features > 0, let indexBase = indices.baseAddress, let offsetBase = offsets.baseAddress else {
                        return unsafe checkEmpty(offsets.baseAddress, examples, base, into: &margins)
                    }
                    let columns = unsafe ScoringColumns(
                        offsets: offsetBase, indices: indexBase, values: values.isEmpty ? nil : values.baseAddress,
                        featureCount: features)
                    if let problem = firstProblem(columns, examples, featuresMax) { return problem }
                    score(columns, examples, base, into: &margins)
                    return nil
                }
            }
        }
        if let problem { throw problem }
    }

    /// As above, for arrays.
    package func score(
        offsets: [UInt32], indices: [UInt32], values: [Float], featuresMax: Int, behind base: Double = 0,
        into margins: inout [Double]
    ) throws(TensorError) {
        try unsafe score(
            offsets: offsets.span.bytes, indices: indices.span.bytes, values: values.span.bytes,
            featuresMax: featuresMax, behind: base, into: &margins)
    }

    private func score(_ columns: ScoringColumns, _ examples: Int, _ base: Double = 0, into margins: inout [Double]) {
        guard examples > 0 else { return }
        unsafe margins.withUnsafeMutableBufferPointer {
            if columns.featureCount < shortFeatureCount * examples {
                unsafe scoreShortExamples(
                    columns, weights, padding: UInt32(indexCount), examples: 0..<examples, base: base,
                    margins: $0.baseAddress!)
            } else {
                unsafe scoreExamples(
                    columns, weights, padding: UInt32(indexCount), examples: 0..<examples, margins: $0.baseAddress!)
                if base != 0 { for e in 0..<examples { unsafe $0[e] += base } }
            }
        }
    }

    private func firstProblem(_ columns: ScoringColumns, _ examples: Int, _ featuresMax: Int) -> TensorError? {
        guard columns.offset(0) == 0 else { return .offsetsDoNotStartAtZero }
        for e in 0..<examples {
            let count = columns.offset(e + 1) &- columns.offset(e)
            if count < 0 { return .offsetsNotSorted(at: e + 1) }
            if count > featuresMax { return .tooManyFeatures(example: e, count: count, limit: featuresMax) }
        }
        let last = columns.offset(examples)
        guard last == columns.featureCount else {
            return .offsetsDoNotEndAtFeatureCount(last: last, featureCount: columns.featureCount)
        }
        let count = columns.featureCount
        if unsafe largestWord(columns.indices, count: count) >= indexCount {
            let at = (0..<count).first { columns.index($0) >= indexCount } ?? 0
            return .indexTooLarge(at: at, index: columns.index(at), limit: indexCount)
        }
        let limit = Limits.Features.valueMagnitudeMax
        if let values = unsafe columns.values,
            unsafe largestWord(values, count: count, mask: 0x7fff_ffff) > limit.bitPattern
        {
            let at = (0..<count).first {
                let value = unsafe values.loadUnaligned(fromByteOffset: 4 &* $0, as: Float.self)
                return !(value.magnitude <= limit)
            }
            return .valueOutOfRange(at: at ?? 0)
        }
        return nil
    }

    private func checkEmpty(_ offsets: UnsafeRawPointer?, _ examples: Int, _ base: Double, into margins: inout [Double])
        -> TensorError?
    {
        guard let offsets = unsafe offsets else { return nil }
        for e in 0...examples {
            let offset = unsafe offsets.loadUnaligned(fromByteOffset: 4 * e, as: UInt32.self)
            if offset != 0 {
                return e == 0
                    ? .offsetsDoNotStartAtZero : .offsetsDoNotEndAtFeatureCount(last: Int(offset), featureCount: 0)
            }
            if e < examples { margins[e] = base }
        }
        return nil
    }

    private func grow(_ margins: inout [Double], to count: Int) {
        if margins.count < count {
            margins.append(contentsOf: repeatElement(0, count: max(count, 2 * margins.count) - margins.count))
        }
    }
}
