/// The numbers of one feature with how many of their examples were positive, in bounded memory.
///
/// Exact while there are at most `runCountMax` distinct numbers; then neighbours are joined, so that a run never has much more than its
/// share of all examples, and no cut can fall inside one. NaN and infinities are left out: they have their places without being fitted.
package struct ValueSummary: Sendable {
    /// Neighbouring numbers, and the weights of their examples.
    package struct Run: Sendable, Equatable {
        package var lowest: Float
        package var highest: Float
        package var negative: Double
        package var positive: Double

        package var weight: Double { negative + positive }
        /// Whether all its examples have one label.
        package var isPure: Bool { negative == 0 || positive == 0 }
    }

    package static let runCountMax = 1 << 16

    private var runs: [Run] = []
    private var waiting: [Run] = []
    private let limit: Int

    package init(runCountMax: Int = Self.runCountMax) { limit = runCountMax }

    package mutating func add(_ value: Float, isPositive: Bool, weight: Double = 1) {
        guard value.isFinite else { return }
        waiting.append(
            Run(lowest: value, highest: value, negative: isPositive ? 0 : weight, positive: isPositive ? weight : 0))
        if waiting.count >= limit { takeIn() }
    }

    /// All that was added, by rising numbers.
    package mutating func finished() -> [Run] {
        takeIn()
        return runs
    }

    private mutating func takeIn() {
        waiting.sort { $0.lowest < $1.lowest }
        var merged: [Run] = []
        merged.reserveCapacity(runs.count + waiting.count)
        var (a, b) = (0, 0)
        while a < runs.count || b < waiting.count {
            let next: Run
            // On a tie the run first: what falls into it is then behind it.
            if b == waiting.count || (a < runs.count && runs[a].lowest <= waiting[b].lowest) {
                next = runs[a]
                a += 1
            } else {
                next = waiting[b]
                b += 1
            }
            if let last = merged.indices.last, next.lowest <= merged[last].highest {
                merged[last].join(next)
            } else {
                merged.append(next)
            }
        }
        waiting.removeAll(keepingCapacity: true)
        runs = merged.count > limit ? joined(merged) : merged
    }

    /// Half as many runs as there may be, or a few more.
    private func joined(_ runs: [Run]) -> [Run] {
        let share = runs.reduce(0) { $0 + $1.weight } / Double(limit / 2)
        var joined: [Run] = []
        for run in runs {
            if let last = joined.indices.last, joined[last].weight + run.weight <= share {
                joined[last].join(run)
            } else {
                joined.append(run)
            }
        }
        return joined
    }
}

extension ValueSummary.Run {
    fileprivate mutating func join(_ other: Self) {
        highest = max(highest, other.highest)
        negative += other.negative
        positive += other.positive
    }
}

/// A number that parts two neighbours: above the left, not above the right. The middle, where a Float can be there.
func edge(between left: Float, and right: Float) -> Float {
    let middle = left / 2 + right / 2
    return middle > left && middle <= right ? middle : right
}
