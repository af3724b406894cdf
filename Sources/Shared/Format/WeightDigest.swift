package import Domain

/// What a set of weights hashes to: the sum, modulo 2^128, of a hash of each row whose weight is not zero.
///
/// A sum, so that owners add theirs up, in any order. It finds mistakes, not forgeries: whoever chooses the weights can
/// choose a collision.
package struct WeightDigest: Hashable, Sendable {
    package private(set) var sum: UInt128

    package init(sum: UInt128 = 0) {
        self.sum = sum
    }

    /// Adds one row. A weight of zero, of either sign, adds nothing; a NaN counts by its bits.
    ///
    /// - Precondition: `index` < 2^32.
    package mutating func add(index: UInt64, weight: Float) {
        precondition(index < FormatLimits.indexLimitMax, "an index is below 2^32")
        if weight != 0 { sum &+= rowHash(index: index, weightBits: weight.bitPattern) }
    }

    /// Takes one row out again: with `add`, a digest follows a changed weight.
    package mutating func remove(index: UInt64, weight: Float) {
        precondition(index < FormatLimits.indexLimitMax, "an index is below 2^32")
        if weight != 0 { sum &-= rowHash(index: index, weightBits: weight.bitPattern) }
    }

    package static func + (left: WeightDigest, right: WeightDigest) -> WeightDigest {
        WeightDigest(sum: left.sum &+ right.sum)
    }
}

extension WeightDigest: CustomStringConvertible {
    /// 32 hexadecimal digits.
    package var description: String { sum.hexDigits }

    /// Reads what `description` writes.
    package init?(hex: some StringProtocol) {
        guard let sum = UInt128(hexDigits: hex) else { return nil }
        self.sum = sum
    }
}

/// The digest of neighbouring rows.
///
/// - Parameters:
///   - weights: of the rows `firstIndex`, `firstIndex` + 1, …
/// - Precondition: the last index is below 2^32. Allocates nothing; O(weights).
package func digest(weights: Span<Float>, firstIndex: UInt64) -> WeightDigest {
    precondition(firstIndex <= FormatLimits.indexLimitMax, "an index is below 2^32")
    precondition(UInt64(weights.count) <= FormatLimits.indexLimitMax - firstIndex, "an index is below 2^32")
    return WeightDigest(sum: rowHashSum(weights: weights, firstIndex: firstIndex, step: 1))
}

/// The digest of neighbouring rows of a shard.
///
/// - Parameters:
///   - weights: of the shard's rows `firstRow`, `firstRow` + 1, …
/// - Precondition: the last index is below 2^32. Allocates nothing; O(weights).
package func digest(weights: Span<Float>, firstRow: Int, of shard: Shard) -> WeightDigest {
    let end = shard.index(ofRow: firstRow + max(0, weights.count - 1))
    precondition(firstRow >= 0 && UInt64(end) < FormatLimits.indexLimitMax, "an index is below 2^32")
    return WeightDigest(
        sum: rowHashSum(weights: weights, firstIndex: UInt64(shard.index(ofRow: firstRow)), step: UInt64(shard.count)))
}
