/// A fixed part of a model's index space: the indices whose low bits are its number.
///
/// Its rows are numbered densely: row r holds index r × count + number. So dense ids balance over shards and stay dense
/// in each one's memory.
package struct Shard: Hashable, Sendable {
    package let number: Int
    /// Shards of the model: a power of two.
    package let count: Int

    /// - Precondition: `count` is a power of two and `number` below it.
    package init(_ number: Int, of count: Int) {
        precondition(count > 0 && count & (count - 1) == 0, "shards are low bits of the index")
        precondition((0..<count).contains(number), "the shard is one of the shards")
        self.number = number
        self.count = count
    }

    /// The only shard of a model with one owner.
    package static let whole = Shard(0, of: 1)

    package func index(ofRow row: Int) -> Int { row * count + number }

    /// The rows whose indices are in `range`.
    package func rows(of range: Range<Int>) -> Range<Int> {
        row(from: range.lowerBound)..<row(from: range.upperBound)
    }

    /// The first row whose index is not below `index`.
    private func row(from index: Int) -> Int { (max(0, index - number) + count - 1) / count }
}
