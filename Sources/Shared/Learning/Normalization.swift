/// What rule nag keeps beside its rows: sums over the examples that it learned, each counted with its importance.
package struct Normalization: Sendable, Equatable {
    /// Σ x² / (the largest value of x's feature so far)².
    package var squares = 0.0
    /// Σ importance.
    package var weight = 0.0

    package init() {}

    /// Whether examples come to these.
    package var isPossible: Bool { squares.isFinite && squares >= 0 && weight.isFinite && weight >= 0 }

    /// What every step is multiplied with, so that rates do not depend on how many features an example has.
    var factor: Double { squares > 0 ? (weight / squares).squareRoot() : 1 }
}
