/// The bins of one feature: its number becomes the number of the bin it falls in.
///
/// Bin k holds edges[k − 1] ≤ x < edges[k]: a number on an edge is right of it. The first bin begins at −∞, the last ends at +∞.
/// A NaN, and an example without the feature, have a bin of their own.
///
/// - Source: Fayyad and Irani 1993; half-open bins as in Twitter's `DiscretizedFeature`.
package struct Bins: Equatable, Sendable {
    package let feature: FeatureName
    /// Finite, rising strictly. One less than there are bins.
    package let edges: [Float]

    package init(_ feature: FeatureName, edges: [Float]) throws(TransformError) {
        self.feature = feature
        self.edges = edges
        guard edges.count <= Limits.Transforms.edgeCountMax else {
            throw .init("'\(feature)' has \(edges.count) edges; at most \(Limits.Transforms.edgeCountMax) are taken")
        }
        for (k, edge) in edges.enumerated() {
            guard edge.isFinite else { throw .init("'\(feature)', edge \(k + 1): \(edge) is not finite") }
            guard k == 0 || edges[k - 1] < edge else {
                throw .init(
                    "'\(feature)', edge \(k + 1): \(edge) is not above the one before, \(edges[k - 1]); sort the edges")
            }
        }
    }

    package static func == (a: Self, b: Self) -> Bool {
        a.feature == b.feature && a.edges.map(\.bitPattern) == b.edges.map(\.bitPattern)
    }

    /// The name of the feature that stands for bin `number`.
    package func name(ofBin number: Int) -> String { "\(feature.name)=\(number)" }
    /// The name of the feature that stands for no number.
    package var missingName: String { "\(feature.name)=missing" }
}
