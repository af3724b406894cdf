package import Domain
internal import Glibc

/// One weight for each index of a model, in one mapped array; rows that no delta named cost nothing.
///
/// Safe because of how it is used, not by itself: many threads may score at once, and whoever writes must know that no
/// reader has the table (`Replica` in PredictionWorker: two tables, a flip, and a turn of every event loop in between).
@safe
package final class WeightTable: @unchecked Sendable {
    /// Weights, then eight that stay 0 for lanes without a feature.
    let weights: UnsafeMutablePointer<Float>
    package let indexCount: Int
    private let byteCount: Int

    package init(indexCount: Int) {
        self.indexCount = indexCount
        byteCount = (indexCount + 8) * MemoryLayout<Float>.size
        let mapped = unsafe mmap(
            nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        precondition(unsafe mapped != MAP_FAILED, "the system maps no \(byteCount) bytes for a table")
        // Huge pages from 8 MiB on, as for the learner's rows.
        if byteCount >= 8 << 20 { unsafe _ = madvise(mapped, byteCount, MADV_HUGEPAGE) }
        unsafe weights = mapped!.bindMemory(to: Float.self, capacity: indexCount + 8)
    }

    deinit { unsafe _ = munmap(weights, byteCount) }

    package subscript(_ index: UInt32) -> Float {
        precondition(index < indexCount, "the index is inside the table")
        return unsafe weights[Int(index)]
    }

    /// Sets the weights of rows, new absolute values.
    ///
    /// - Precondition: the counts are equal and every index is below `indexCount`.
    package func set(_ indices: Span<UInt32>, _ values: Span<Float>) {
        precondition(indices.count == values.count, "one weight for each index")
        let limit = UInt32(truncatingIfNeeded: indexCount)
        for k in indices.indices {
            let index = indices[k]
            precondition(index < limit, "the index is inside the table")
            unsafe weights[Int(index)] = values[k]
        }
    }

    /// The weights of indices `range`, while nobody writes.
    package func withWeights<R>(_ range: Range<Int>, _ body: (Span<Float>) -> R) -> R {
        precondition(range.lowerBound >= 0 && range.upperBound <= indexCount, "the range is inside the table")
        return unsafe body(Span(_unsafeStart: weights + range.lowerBound, count: range.count))
    }

    /// Sets the weights of a shard's indices in `range` to 0.
    package func clear(_ shard: Shard, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= indexCount, "the range is inside the table")
        for row in shard.rows(of: range) { unsafe weights[shard.index(ofRow: row)] = 0 }
    }

    /// Takes over the weights of indices `range` from another table of the same size.
    package func copy(_ range: Range<Int>, from other: WeightTable) {
        precondition(indexCount == other.indexCount && range.upperBound <= indexCount, "tables of one size")
        unsafe (weights + range.lowerBound).update(from: other.weights + range.lowerBound, count: range.count)
    }
}
