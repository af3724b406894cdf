internal import Domain
internal import Transport

/// How many bodies of a node are unpacked at a time: each may take a window and a batch of memory for a few bytes that it sends.
package final class UnpackingPlaces: Sendable {
    private let takenCount = Locked(0)
    private let count: Int

    package init(count: Int = Limits.Training.unpackingCountMax) { self.count = count }

    /// A place, which is free again when it is let go; nil where all are taken.
    package func take() -> Place? {
        let isFree = takenCount.withLockedValue { taken in
            guard taken < count else { return false }
            taken += 1
            return true
        }
        return isFree ? Place(self) : nil
    }

    package final class Place: Sendable {
        private let places: UnpackingPlaces

        fileprivate init(_ places: UnpackingPlaces) { self.places = places }

        deinit { places.takenCount.withLockedValue { $0 -= 1 } }
    }
}
