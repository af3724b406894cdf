package import Features

/// What a feature of an example adds to its margin.
package struct Contribution: Sendable, Equatable {
    package var feature: NamedFeature
    package var weight: Float

    /// Log-odds.
    package var adds: Float { weight * feature.value }
}

extension WeightTable {
    /// The features that add most to an example's margin, in magnitude, the largest first; of equal ones the lower index.
    ///
    /// - Precondition: every index is inside the table.
    package func largestContributions(_ features: [NamedFeature], count: Int) -> [Contribution] {
        let all = features.map { Contribution(feature: $0, weight: self[$0.index]) }
        let sorted = all.sorted {
            let (a, b) = (abs($0.adds), abs($1.adds))
            return a != b ? a > b : $0.feature.index < $1.feature.index
        }
        return Array(sorted.prefix(count))
    }
}
