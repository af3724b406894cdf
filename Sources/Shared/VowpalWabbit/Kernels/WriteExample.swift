/// Vowpal Wabbit's factor between the features of a cross (FNV's prime).
private let crossPrime: UInt32 = 16_777_619
/// The index of the constant, before the mask. Source: Vowpal Wabbit's `constant.h`.
private let constantIndex: UInt32 = 11_650_396

/// Where an example's features come from and go to.
///
/// Safe because it lives only inside `write`, which has made room for all that the example's spaces come to.
@safe
private struct ExampleColumns {
    let sourceIndices: UnsafePointer<UInt32>
    let sourceValues: UnsafePointer<Float>
    let indices: UnsafeMutablePointer<UInt32>
    let values: UnsafeMutablePointer<Float>
    let mask: UInt32
    var count: Int

    @inline(__always)
    mutating func add(_ index: UInt32, _ value: Float) {
        unsafe indices[count] = index & mask
        unsafe values[count] = value
        count &+= 1
    }

    @inline(__always)
    mutating func addAll(_ space: Expander.Space) {
        for k in space.start..<space.end { unsafe add(sourceIndices[k], sourceValues[k]) }
    }

    /// All pairs of features of two spaces; of one space with itself no pair twice.
    @inline(__always)
    mutating func addPairs(_ first: Expander.Space, _ second: Expander.Space, isSame: Bool) {
        for i in first.start..<first.end {
            let index = unsafe sourceIndices[i] &* crossPrime
            let value = unsafe sourceValues[i]
            for j in (isSame ? i : second.start)..<second.end {
                unsafe add(index ^ sourceIndices[j], value * sourceValues[j])
            }
        }
    }

    /// The crosses of any number of spaces.
    mutating func addChoices(
        _ spaces: [Expander.Space], _ places: ArraySlice<Int>, _ before: (place: Int, feature: Int)?, _ folded: UInt32,
        _ product: Float
    ) {
        let place = places[places.startIndex]
        let space = spaces[place]
        let start = before.flatMap { $0.place == place ? $0.feature : nil } ?? space.start
        for k in start..<space.end {
            let index = unsafe folded &* crossPrime ^ sourceIndices[k]
            let value = unsafe before == nil ? sourceValues[k] : product * sourceValues[k]
            if places.count == 1 {
                add(index, value)
            } else {
                addChoices(spaces, places.dropFirst(), (place, k), index, value)
            }
        }
    }
}

extension Expander {
    /// Writes the features of `spaces`, whose places are in these columns, behind those of the examples before.
    func write(_ sourceIndices: [UInt32], _ sourceValues: [Float], into expanded: inout ExpandedExamples) {
        let count = expanded.featureCount
        expanded.featureCount = unsafe sourceIndices.withUnsafeBufferPointer { sourceIndices in
            unsafe sourceValues.withUnsafeBufferPointer { sourceValues in
                unsafe expanded.indices.withUnsafeMutableBufferPointer { indices in
                    unsafe expanded.values.withUnsafeMutableBufferPointer { values in
                        guard let from = sourceIndices.baseAddress, let fromValues = sourceValues.baseAddress else {
                            return unsafe hasConstant ? addConstant(indices, values, count) : count
                        }
                        var columns = unsafe ExampleColumns(
                            sourceIndices: from, sourceValues: fromValues, indices: indices.baseAddress!,
                            values: values.baseAddress!, mask: mask, count: count)
                        writeAll(&columns)
                        return columns.count
                    }
                }
            }
        }
    }

    /// Of an example whose columns have never held a feature.
    private func addConstant(
        _ indices: UnsafeMutableBufferPointer<UInt32>, _ values: UnsafeMutableBufferPointer<Float>, _ count: Int
    ) -> Int {
        unsafe indices[count] = constantIndex & mask
        unsafe values[count] = 1
        return count + 1
    }

    @inline(__always)
    private func writeAll(_ columns: inout ExampleColumns) {
        for space in spaces where space.isLinear { columns.addAll(space) }
        if hasConstant { columns.add(constantIndex, 1) }
        guard !layout.ends.isEmpty else { return }
        var start = 0
        for end in layout.ends {
            if end &- start == 2 {
                let (a, b) = (layout.places[start], layout.places[start &+ 1])
                columns.addPairs(spaces[a], spaces[b], isSame: a == b)
            } else {
                columns.addChoices(spaces, layout.places[start..<end], nil, 0, 1)
            }
            start = end
        }
    }
}
