/// The snapshots of a model that nobody removes: those of the last two commits that were asked for.
///
/// When the second behind one is asked for, the journal refers to it, or nobody wants it any more.
package struct PinnedSnapshots: Sendable {
    private var numbers: [UInt64] = []

    package init() {}

    package mutating func pin(_ number: UInt64) {
        numbers.removeAll { $0 == number }
        numbers = numbers.suffix(1) + [number]
    }

    package func contains(_ number: UInt64) -> Bool { numbers.contains(number) }
}
