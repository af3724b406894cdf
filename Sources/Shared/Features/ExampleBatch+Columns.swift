internal import Domain

extension ExampleBatch {
    /// The batch without its features: what a clock needs of it. Shares the columns' memory.
    package var withoutFeatures: ExampleBatch {
        var batch = ExampleBatch()
        batch.labels = labels
        batch.importances = importances
        batch.exampleCount = exampleCount
        return batch
    }

    /// Labels and importances that came from elsewhere, without features.
    ///
    /// Nil unless every label is 0 or 1 and every importance in 0 < h ≤ `Limits.Features.importanceMax`.
    package init?(labels: [Float], importances: [Float]) {
        guard labels.count == importances.count else { return nil }
        for e in labels.indices {
            guard labels[e] == 0 || labels[e] == 1 else { return nil }
            guard importances[e] > 0, importances[e] <= Limits.Features.importanceMax else { return nil }
        }
        self.labels = labels
        self.importances = importances
        exampleCount = labels.count
    }

    /// A slice that came from elsewhere: example e owns features ends[e − 1] ..< ends[e].
    ///
    /// Nil unless the ends rise to the features' count and every value is one that a parser would have let through.
    /// Whether the indices are an owner's rows, `fits` says.
    /// - Parameter values: empty when all are 1.
    package init?(ends: [UInt32], indices given: [UInt32], values: [Float]) {
        guard values.isEmpty || values.count == given.count else { return nil }
        guard ends.last.map({ Int($0) }) ?? 0 == given.count else { return nil }
        var start: UInt32 = 0
        for end in ends {
            guard end >= start, end - start <= UInt32(Limits.Features.perExampleMax) else { return nil }
            start = end
        }
        guard values.allSatisfy({ $0.magnitude <= Limits.Features.valueMagnitudeMax }) else { return nil }
        reserve(examples: ends.count, features: given.count)
        for e in ends.indices { offsets[e + 1] = ends[e] }
        for k in given.indices { indices[k] = given[k] }
        for k in given.indices { self.values[k] = values.isEmpty ? 1 : values[k] }
        exampleCount = ends.count
        featureCount = given.count
    }

    /// Whether every index is below `rowCount`. O(features).
    package func fits(rowCount: Int) -> Bool {
        let limit = UInt32(truncatingIfNeeded: rowCount)
        var largest: UInt32 = 0
        for k in 0..<featureCount { largest = max(largest, indices[k]) }
        return featureCount == 0 || rowCount > Int(UInt32.max) || largest < limit
    }

    /// Takes over another batch's labels and importances: a slice of all features becomes the batch.
    ///
    /// - Precondition: both have the same examples.
    package mutating func setLabels(of other: ExampleBatch) {
        precondition(exampleCount == other.exampleCount, "labels of the same examples")
        (labels, importances) = (other.labels, other.importances)
    }

    /// Whether every value is 1, as it is where features are ids.
    package var hasOnlyOnes: Bool { values.span.extracting(first: featureCount).isAllOnes }
}

extension Span<Float> {
    fileprivate var isAllOnes: Bool {
        for k in indices where self[k] != 1 { return false }
        return true
    }
}
