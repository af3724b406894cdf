/// Examples in the form that learners and predictors read: one run of index/value pairs after the other (CSR).
///
/// A value without pointers, so it may travel between threads; whoever fills it again reuses its memory.
package struct ExampleBatch: Sendable {
    /// 1 or 0 for each example. Shape [E].
    package internal(set) var labels: [Float] = []
    /// How many times each example counts, > 0. Shape [E].
    package internal(set) var importances: [Float] = []
    /// Example e owns features offsets[e] ..< offsets[e + 1]. Shape [E + 1]; offsets[0] is 0.
    package internal(set) var offsets: [UInt32] = [0]
    /// Hashed features, each in 0 ..< 2^bits, followed by `slack` entries that kernels may read and ignore.
    package internal(set) var indices: [UInt32] = []
    /// The features' values, finite and not 0, with the same slack.
    package internal(set) var values: [Float] = []
    /// E.
    package internal(set) var exampleCount = 0
    /// Features of all examples.
    package internal(set) var featureCount = 0

    /// Entries beyond the last feature that a kernel of eight lanes may read.
    package static let slack = 8

    package init() {}

    package mutating func removeAll() {
        exampleCount = 0
        featureCount = 0
    }

    /// Makes room for that many more; the arrays' counts are capacity, `exampleCount` and `featureCount` say what is in.
    mutating func reserve(examples: Int, features: Int) {
        let examplesMax = exampleCount + examples
        if labels.count < examplesMax {
            let grown = max(examplesMax, 2 * labels.count)
            labels.append(contentsOf: repeatElement(0, count: grown - labels.count))
            importances.append(contentsOf: repeatElement(0, count: grown - importances.count))
            offsets.append(contentsOf: repeatElement(0, count: grown + 1 - offsets.count))
        }
        let featuresMax = featureCount + features + Self.slack
        if indices.count < featuresMax {
            let grown = max(featuresMax, 2 * indices.count)
            indices.append(contentsOf: repeatElement(0, count: grown - indices.count))
            values.append(contentsOf: repeatElement(0, count: grown - values.count))
        }
    }

    /// Adds an example whose features are already indices: the door for tensors.
    ///
    /// - Precondition: `indices` and `values` have the same count (an empty `values` means all 1), at most
    ///   `Limits.Features.perExampleMax`.
    package mutating func append(
        label: Float = 0, importance: Float = 1, indices added: [UInt32], values given: [Float]
    ) {
        precondition(given.isEmpty || given.count == added.count, "one value for each index, or none")
        reserve(examples: 1, features: added.count)
        for (k, index) in added.enumerated() {
            indices[featureCount + k] = index
            values[featureCount + k] = given.isEmpty ? 1 : given[k]
        }
        featureCount += added.count
        labels[exampleCount] = label
        importances[exampleCount] = importance
        exampleCount += 1
        offsets[exampleCount] = UInt32(featureCount)
    }

    /// The features of example `e`, for tests and explanations.
    package func features(of e: Int) -> [(index: UInt32, value: Float)] {
        (Int(offsets[e])..<Int(offsets[e + 1])).map { (indices[$0], values[$0]) }
    }
}
