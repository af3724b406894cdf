internal import CKernels

/// The short names of one window's features, waiting to be hashed eight at a time.
///
/// Hashed one by one, as they are read, each name would cost a mispredicted branch: lengths differ from name to name.
struct NameColumn: Sendable {
    private var names: [UInt64] = []
    private var byteCounts: [UInt32] = []

    mutating func reserve(_ count: Int) {
        let needed = count + ExampleBatch.slack
        guard names.count < needed else { return }
        names = Array(repeating: 0, count: needed)
        byteCounts = Array(repeating: 0, count: needed)
    }

    mutating func withPointers<R>(firstFeature: Int, _ body: (NamePointers) -> R) -> R {
        unsafe names.withUnsafeMutableBufferPointer { names in
            unsafe byteCounts.withUnsafeMutableBufferPointer { byteCounts in
                unsafe body(
                    NamePointers(
                        names: names.baseAddress!, byteCounts: byteCounts.baseAddress!, firstFeature: firstFeature))
            }
        }
    }
}

/// Safe because it lives only inside `withPointers`, with room for every feature of the window and slack.
@safe
struct NamePointers {
    /// Up to 8 bytes each, the first lowest, 0 behind the name.
    let names: UnsafeMutablePointer<UInt64>
    /// How many bytes those are; 0 where the feature's index is known already.
    let byteCounts: UnsafeMutablePointer<UInt32>
    /// The feature that the first of them belongs to.
    var firstFeature: Int

    @inline(__always)
    func set(_ feature: Int, _ name: UInt64, byteCount: Int) {
        unsafe names[feature &- firstFeature] = name
        unsafe byteCounts[feature &- firstFeature] = UInt32(truncatingIfNeeded: byteCount)
    }

    /// Turns the seeds in `indices` into indices, from the first feature to `end`. Touches seven more: slack.
    func hash(_ indices: UnsafeMutablePointer<UInt32>, end: Int, digitsAreNumbers: Bool, mask: UInt32) {
        let mask = SIMD8(repeating: mask)
        var at = 0
        while at < end &- firstFeature {
            let place = unsafe UnsafeMutableRawPointer(indices + firstFeature + at)
            let seeds = unsafe place.loadUnaligned(as: SIMD8<UInt32>.self)
            let hashes = unsafe sluice_hash_names8(names + at, byteCounts + at, seeds, digitsAreNumbers)
            unsafe place.storeBytes(of: hashes & mask, as: SIMD8<UInt32>.self)
            at &+= 8
        }
    }
}
