internal import CKernels
internal import Domain
internal import Glibc

/// A model's rows on this node: two or three floats for each index, in one mapped array.
///
/// Pages that no example touched cost nothing. Eight more rows stand behind the last; lanes without a feature use them
/// and they stay 0.
@safe
package struct RowTable: ~Copyable {
    /// Safe because the mapping lives exactly as long as this value, and only its owner's methods touch it.
    let rows: UnsafeMutablePointer<Float>
    package let indexCount: Int
    /// Floats of a row.
    let width: Int
    private let byteCount: Int

    /// Bytes from which on pages of 2 MiB pay (measured: +36 % loads/s at 256 MiB); below, small pages waste less.
    private static let hugePageByteCountMin = 8 << 20

    package init(indexCount: Int, width: Int = 2) {
        (self.indexCount, self.width) = (indexCount, width)
        byteCount = (indexCount + 8) * width * MemoryLayout<Float>.size
        let mapped = unsafe mmap(
            nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        precondition(unsafe mapped != MAP_FAILED, "the system maps no \(byteCount) bytes for a table")
        if byteCount >= Self.hugePageByteCountMin { unsafe _ = madvise(mapped, byteCount, MADV_HUGEPAGE) }
        unsafe rows = mapped!.bindMemory(to: Float.self, capacity: width * (indexCount + 8))
    }

    /// Whether the system maps a table of that many rows now, and as much beside it as goes with a model: marks of changed
    /// rows, threads, feeds.
    static func fits(indexCount: Int, width: Int) -> Bool {
        let tableByteCount = (indexCount + 8) * width * MemoryLayout<Float>.size
        let byteCount = tableByteCount + tableByteCount / 32 + (128 << 20)
        let mapped = unsafe mmap(
            nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard unsafe mapped != MAP_FAILED else { return false }
        unsafe _ = munmap(mapped, byteCount)
        return true
    }

    deinit { unsafe _ = munmap(rows, byteCount) }

    /// Every row 0, as the system gives pages: they cost nothing again until they are touched.
    mutating func clear() {
        let failed = unsafe madvise(rows, byteCount, MADV_DONTNEED)
        precondition(failed == 0, "pages of a private mapping are given back")
    }

    /// The weights of indices `range`, under `rule`.
    func weights(_ range: Range<Int>, _ rule: some LearningRule, into weights: inout MutableSpan<Float>) {
        precondition(range.upperBound <= indexCount && range.count <= weights.count, "the range is inside the table")
        precondition(width == 2, "the rule has rows of two floats")
        var at = range.lowerBound
        let lanes = SIMD8<UInt32>(0, 1, 2, 3, 4, 5, 6, 7)
        while at < range.upperBound {
            let eight = rule.weights(unsafe Rows8(rows, SIMD8(repeating: UInt32(at)) &+ lanes))
            for lane in 0..<min(8, range.upperBound - at) { weights[at - range.lowerBound + lane] = eight[lane] }
            at += 8
        }
    }

    /// The floats of the rows `indices`, side by side. Shape [rows × width].
    func state(at indices: Span<UInt32>, into values: inout MutableSpan<Float>) {
        precondition(width * indices.count <= values.count, "room for the floats of every row")
        for k in 0..<indices.count {
            let row = Int(indices[k])
            precondition(row < indexCount, "the row is in the table")
            for column in 0..<width { values[width * k + column] = unsafe rows[width * row + column] }
        }
    }

    /// The floats of the rows `range`, side by side. Shape [range × width].
    func state(_ range: Range<Int>, into values: inout MutableSpan<Float>) {
        precondition(
            range.upperBound <= indexCount && width * range.count <= values.count, "the range is inside the table")
        unsafe values.withUnsafeMutableBufferPointer { values in
            guard let target = values.baseAddress else { return }
            unsafe target.update(from: rows + width * range.lowerBound, count: width * range.count)
        }
    }

    /// Sets the floats of the rows `indices`.
    mutating func setState(at indices: Span<UInt32>, _ values: Span<Float>) {
        precondition(width * indices.count <= values.count, "the floats of every row")
        var largest: UInt32 = 0
        for k in 0..<indices.count { largest = max(largest, indices[k]) }
        precondition(indices.isEmpty || largest < indexCount, "the row is in the table")
        unsafe values.withUnsafeBufferPointer { values in
            unsafe indices.withUnsafeBufferPointer { indices in
                let ahead = 32
                for k in 0..<indices.count {
                    if k &+ ahead < indices.count {
                        unsafe sluice_prefetch(rows + width * Int(indices[k &+ ahead]))
                    }
                    let row = unsafe width &* Int(indices[k])
                    for column in 0..<width { unsafe rows[row &+ column] = values[width &* k &+ column] }
                }
            }
        }
    }

    /// The weights of the rows `indices`, under `rule`.
    func weights(at indices: Span<UInt32>, _ rule: some LearningRule, into weights: inout MutableSpan<Float>) {
        precondition(indices.count <= weights.count, "room for every weight")
        precondition(width == 2, "the rule has rows of two floats")
        let padding = SIMD8<UInt32>(repeating: UInt32(indexCount)) &+ SIMD8(0, 1, 2, 3, 4, 5, 6, 7)
        var at = 0
        while at < indices.count {
            var index = padding
            let count = min(8, indices.count - at)
            for lane in 0..<count { index[lane] = indices[at + lane] }
            let eight = rule.weights(unsafe Rows8(rows, index))
            for lane in 0..<count { weights[at + lane] = eight[lane] }
            at += 8
        }
    }

    /// The first float of the rows `range`.
    func firstFloats(_ range: Range<Int>, into floats: inout MutableSpan<Float>) {
        precondition(range.upperBound <= indexCount && range.count <= floats.count, "the range is inside the table")
        for k in 0..<range.count { floats[k] = unsafe rows[width * (range.lowerBound + k)] }
    }

    /// The first float of the rows `indices`.
    func firstFloats(at indices: Span<UInt32>, into floats: inout MutableSpan<Float>) {
        precondition(indices.count <= floats.count, "room for every float")
        for k in 0..<indices.count {
            precondition(indices[k] < indexCount, "the row is in the table")
            floats[k] = unsafe rows[width * Int(indices[k])]
        }
    }
}
