/// Examples with all features that they are learned by: linear ones, the constant, crosses, in the order of Vowpal
/// Wabbit's sums.
package struct ExpandedExamples: Sendable {
    /// Example e owns features offsets[e] ..< offsets[e + 1]. Shape [E + 1].
    var offsets: [UInt32] = [0]
    /// Each below 2^bits. Shape [features], with slack that a prefetch may read.
    var indices: [UInt32] = []
    var values: [Float] = []
    /// Features that an example has for reports: those left out of linear terms too. Shape [E].
    var counts: [UInt32] = []
    /// Σ x² of the features that have no linear terms, which plain steps of Vowpal Wabbit count nonetheless. Shape [E], or empty where
    /// all have.
    var leftOut: [Float] = []
    /// Of each feature, where names are kept.
    var names: [String] = []
    package internal(set) var exampleCount = 0
    var featureCount = 0

    /// Entries behind the last feature that may be read ahead.
    static let slack = 64

    package init() {}

    mutating func removeAll() {
        (exampleCount, featureCount) = (0, 0)
        names.removeAll(keepingCapacity: true)
    }

    func squaresLeftOut(_ example: Int) -> Float { leftOut.isEmpty ? 0 : leftOut[example] }

    func range(of example: Int) -> Range<Int> { Int(offsets[example])..<Int(offsets[example + 1]) }
}
