internal import Domain
package import Features

/// What examples come to. A context and a candidate are one example in two parts; their sum is exact, as both are multiples of
/// 2^-32 below 2^21.
extension WeightTable {
    /// The margins of a parsed batch.
    ///
    /// - Parameter margins: grows to hold one for each example; the first E are written.
    /// - Precondition: the batch was parsed for a model of this table's bits.
    package func score(_ batch: borrowing ExampleBatch, into margins: inout [Double]) {
        let (examples, features) = (batch.exampleCount, batch.featureCount)
        unsafe withColumns(
            offsets: batch.offsets.span.bytes, indices: batch.indices.span.bytes, values: batch.values.span.bytes,
            features
        ) { score($0, examples, base: 0, into: &margins) }
    }

    /// The margins of candidates, each behind the one example of `context`.
    package func score(
        _ candidates: borrowing ExampleBatch, of context: borrowing ExampleBatch, into margins: inout [Double]
    ) {
        precondition(context.exampleCount == 1, "a context is one example")
        let (examples, features, shared) = (candidates.exampleCount, candidates.featureCount, context.featureCount)
        unsafe withColumns(
            offsets: context.offsets.span.bytes, indices: context.indices.span.bytes, values: context.values.span.bytes,
            shared
        ) { context in
            unsafe withColumns(
                offsets: candidates.offsets.span.bytes, indices: candidates.indices.span.bytes,
                values: candidates.values.span.bytes, features
            ) { score($0, examples, of: context, into: &margins) }
        }
    }

    /// The margins of examples given as CSR tensors, checked first.
    ///
    /// - Parameters:
    ///   - offsets: shape [E + 1], UInt32 or Int32, little-endian.
    ///   - indices: shape [features], UInt32: hashed features, the constant among them where the model has one.
    ///   - values: shape [features], Float; empty where every value is 1.
    ///   - margins: grows to hold one for each example; the first E are written.
    /// - Throws: the first thing wrong, by its place.
    package func score(
        offsets: RawSpan, indices: RawSpan, values: RawSpan, featuresMax: Int, into margins: inout [Double]
    ) throws(TensorError) {
        let problem: TensorError? = withColumns(
            offsets: offsets, indices: indices, values: values, indices.byteCount / 4
        ) { columns in
            let examples = offsets.byteCount / 4 - 1
            if let problem = firstProblem(columns, examples, featuresMax) { return problem }
            score(columns, examples, base: 0, into: &margins)
            return nil
        }
        if let problem { throw problem }
    }

    /// As above, for arrays.
    package func score(
        offsets: [UInt32], indices: [UInt32], values: [Float], featuresMax: Int, into margins: inout [Double]
    ) throws(TensorError) {
        try unsafe score(
            offsets: offsets.span.bytes, indices: indices.span.bytes, values: values.span.bytes,
            featuresMax: featuresMax, into: &margins)
    }

    /// The margins of candidates given as CSR tensors, each behind the same context; checked first.
    ///
    /// - Parameters:
    ///   - context: what all candidates have; its `values` are empty where every one is 1.
    ///   - featuresMax: of context and candidate together.
    package func score(
        offsets: [UInt32], indices: [UInt32], values: [Float], of context: (indices: [UInt32], values: [Float]),
        featuresMax: Int, into margins: inout [Double]
    ) throws(TensorError) {
        let shared = context.indices.count
        let problem: TensorError? = unsafe withColumns(
            offsets: [0, UInt32(shared)].span.bytes, indices: context.indices.span.bytes,
            values: context.values.span.bytes,
            shared
        ) { context in
            unsafe withColumns(
                offsets: offsets.span.bytes, indices: indices.span.bytes, values: values.span.bytes, indices.count
            ) { columns in
                if let problem = firstProblem(context, 1, featuresMax) { return .context(problem) }
                switch firstProblem(columns, offsets.count - 1, featuresMax - shared) {
                case nil: break
                case .tooManyFeatures(let example, let count, _):
                    return .tooManyFeatures(example: example, count: count + shared, limit: featuresMax)
                case let problem: return problem
                }
                score(columns, offsets.count - 1, of: context, into: &margins)
                return nil
            }
        }
        if let problem { throw problem }
    }

    // MARK: columns

    /// - Parameter values: empty where every value is 1.
    private func withColumns<R>(
        offsets: RawSpan, indices: RawSpan, values: RawSpan, _ featureCount: Int, _ body: (ScoringColumns) -> R
    ) -> R {
        precondition(
            offsets.byteCount >= 4 && indices.byteCount >= 4 * featureCount
                && (values.isEmpty || values.byteCount == indices.byteCount), "shapes were checked")
        return unsafe offsets.withUnsafeBytes { offsets in
            unsafe indices.withUnsafeBytes { indices in
                unsafe values.withUnsafeBytes { values in
                    let offsetBase = offsets.baseAddress!
                    // Without a feature nothing is read there.
                    return unsafe body(
                        ScoringColumns(
                            offsets: offsetBase, indices: indices.baseAddress ?? offsetBase,
                            values: values.isEmpty ? nil : values.baseAddress, featureCount: featureCount))
                }
            }
        }
    }

    private func score(_ columns: ScoringColumns, _ examples: Int, base: Double, into margins: inout [Double]) {
        unsafe fetchFirst(columns, weights, examples: examples)
        scoreFetched(columns, examples, base: base, into: &margins)
    }

    private func score(
        _ columns: ScoringColumns, _ examples: Int, of context: ScoringColumns, into margins: inout [Double]
    ) {
        unsafe fetchFirst(context, weights, examples: 1)
        unsafe fetchFirst(columns, weights, examples: examples)
        var base = 0.0
        unsafe scoreExamples(
            context, weights, padding: UInt32(indexCount), examples: 0..<1, base: 0, margins: &base)
        scoreFetched(columns, examples, base: base, into: &margins)
    }

    private func scoreFetched(_ columns: ScoringColumns, _ examples: Int, base: Double, into margins: inout [Double]) {
        if margins.count < examples {
            margins.append(contentsOf: repeatElement(0, count: max(examples, 2 * margins.count) - margins.count))
        }
        guard examples > 0 else { return }
        unsafe margins.withUnsafeMutableBufferPointer {
            let padding = UInt32(indexCount)
            let margins = $0.baseAddress!
            if areShort(columns, examples: examples) {
                unsafe scoreShortExamples(
                    columns, weights, padding: padding, examples: 0..<examples, base: base, margins: margins)
            } else {
                unsafe scoreExamples(
                    columns, weights, padding: padding, examples: 0..<examples, base: base, margins: margins)
            }
        }
    }

    private func firstProblem(_ columns: ScoringColumns, _ examples: Int, _ featuresMax: Int) -> TensorError? {
        guard columns.offset(0) == 0 else { return .offsetsDoNotStartAtZero }
        if columns.largestStep(examples) > featuresMax {
            for e in 0..<examples {
                let count = columns.offset(e + 1) &- columns.offset(e)
                if count < 0 { return .offsetsNotSorted(at: e + 1) }
                if count > featuresMax { return .tooManyFeatures(example: e, count: count, limit: featuresMax) }
            }
        }
        let last = columns.offset(examples)
        guard last == columns.featureCount else {
            return .offsetsDoNotEndAtFeatureCount(last: last, featureCount: columns.featureCount)
        }
        let count = columns.featureCount
        if unsafe largestWord(columns.indices, count: count) >= indexCount {
            let at = (0..<count).first { columns.index($0) >= indexCount }
            if let at { return .indexTooLarge(at: at, index: columns.index(at), limit: indexCount) }
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
}
