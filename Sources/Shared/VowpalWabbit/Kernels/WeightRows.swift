internal import Glibc

/// A run's weights: a row of floats for each index, the weight first, in one mapped array.
///
/// Pages that no example touched cost nothing.
@safe
package struct WeightRows: ~Copyable {
    /// Safe because the mapping lives exactly as long as this value, and only its owner's methods touch it.
    let rows: UnsafeMutablePointer<Float>
    package let indexCount: Int
    /// A row's floats as a power of two.
    let rowShift: Int
    private let byteCount: Int

    package init(bits: Int, rowShift: Int) throws(VWError) {
        (indexCount, self.rowShift) = (1 << bits, rowShift)
        byteCount = (indexCount << rowShift) * MemoryLayout<Float>.size
        let mapped = unsafe mmap(
            nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard unsafe mapped != MAP_FAILED, let mapped = unsafe mapped else {
            throw .usage("Failed to allocate weight array with \(bits) bits: try decreasing -b <bits>")
        }
        if byteCount >= 8 << 20 { unsafe _ = madvise(mapped, byteCount, MADV_HUGEPAGE) }
        unsafe rows = mapped.bindMemory(to: Float.self, capacity: indexCount << rowShift)
    }

    deinit { unsafe _ = munmap(rows, byteCount) }

    /// A float of a row.
    package subscript(_ index: Int, _ column: Int) -> Float {
        get {
            precondition(index >= 0 && index < indexCount && column >= 0 && column < 1 << rowShift, "inside the rows")
            return unsafe rows[index << rowShift + column]
        }
        set {
            precondition(index >= 0 && index < indexCount && column >= 0 && column < 1 << rowShift, "inside the rows")
            unsafe rows[index << rowShift + column] = newValue
        }
    }

    /// Every weight that is not 0, truncated towards it and shrunk.
    mutating func settle(gravity: Float, contraction: Float) {
        for index in 0..<indexCount {
            let weight = unsafe rows[index << rowShift]
            if weight != 0 { unsafe rows[index << rowShift] = truncated(weight, gravity) * contraction }
        }
    }
}

/// A weight moved towards 0, at most to it.
@inline(__always)
func truncated(_ weight: Float, _ gravity: Float) -> Float {
    gravity < weight.magnitude ? (weight > 0 ? weight - gravity : weight + gravity) : 0
}
