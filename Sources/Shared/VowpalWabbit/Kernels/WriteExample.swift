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

/// The columns of many examples while those alike are written.
///
/// Safe because it lives only inside `writeAlike`; `segmentEnds` and `featureEnds` never fall, by whoever made them.
@safe
private struct AlikeColumns {
    let segmentEnds, featureEnds: UnsafePointer<UInt32>
    let segmentBytes: UnsafePointer<UInt8>
    let spaces: UnsafeMutablePointer<Expander.Space>
    let spaceCount: Int
    let places: UnsafePointer<Int>?
    let placeCount: Int

    /// Gives `spaces` their places in an example.
    ///
    /// - Returns: false where it has other namespaces.
    @inline(__always)
    func place(_ segments: Range<Int>) -> Bool {
        guard segments.count == spaceCount else { return false }
        var start = unsafe segments.lowerBound == 0 ? 0 : Int(featureEnds[segments.lowerBound &- 1])
        for k in 0..<spaceCount {
            guard unsafe spaces[k].byte == segmentBytes[segments.lowerBound &+ k] else { return false }
            unsafe spaces[k].start = start
            start = unsafe Int(featureEnds[segments.lowerBound &+ k])
            unsafe spaces[k].end = start
        }
        return true
    }

    /// Features of all namespaces, of those with linear terms, and crosses.
    @inline(__always)
    func counts() -> (all: Int, linear: Int, crossed: Int) {
        var counts = (all: 0, linear: 0, crossed: 0)
        for k in 0..<spaceCount {
            let count = unsafe spaces[k].end &- spaces[k].start
            counts.all &+= count
            if unsafe spaces[k].isLinear { counts.linear &+= count }
        }
        guard let places = unsafe places else { return counts }
        for k in stride(from: 0, to: placeCount, by: 2) {
            let (a, b) = unsafe (spaces[places[k]], spaces[places[k &+ 1]])
            counts.crossed &+= (a.end &- a.start) &* (b.end &- b.start)
        }
        return counts
    }

    @inline(__always)
    func write(into columns: inout ExampleColumns, hasConstant: Bool) {
        for k in 0..<spaceCount { if unsafe spaces[k].isLinear { unsafe columns.addAll(spaces[k]) } }
        if hasConstant { columns.add(constantIndex, 1) }
        guard let places = unsafe places else { return }
        for k in stride(from: 0, to: placeCount, by: 2) {
            unsafe columns.addPairs(spaces[places[k]], spaces[places[k &+ 1]], isSame: false)
        }
    }
}

extension Expander {
    /// Expands examples from `first` on for as long as they have the namespaces of the one before and there is room: nearly all of a file.
    ///
    /// - Precondition: the one before was expanded in place, with no crosses or with pairs only.
    /// - Returns: how many.
    mutating func writeAlike(_ parsed: ParsedExamples, from first: Int, into expanded: inout ExpandedExamples) -> Int {
        var (example, count) = (first, expanded.featureCount)
        var segment = parsed.segments(of: first - 1).upperBound
        let (hasConstant, room) = (hasConstant, expanded.indices.count - ExpandedExamples.slack)
        let exampleCount = parsed.exampleCount
        unsafe withAlikeColumns(parsed, &expanded) { alike, columns, offsets, counts in
            while example < exampleCount {
                let end = unsafe Int(alike.segmentEnds[example])
                guard alike.place(segment..<end) else { break }
                let found = alike.counts()
                guard count &+ found.linear &+ found.crossed &+ 1 <= room else { break }
                alike.write(into: &columns, hasConstant: hasConstant)
                count = columns.count
                unsafe counts[example] = UInt32(
                    truncatingIfNeeded: found.all &+ found.crossed &+ (hasConstant ? 1 : 0))
                example &+= 1
                unsafe offsets[example] = UInt32(truncatingIfNeeded: count)
                segment = end
            }
        }
        expanded.featureCount = count
        return example - first
    }

    /// Opens all columns once; does nothing where one is empty.
    private mutating func withAlikeColumns(
        _ parsed: ParsedExamples, _ expanded: inout ExpandedExamples,
        _ body: (AlikeColumns, inout ExampleColumns, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>) -> Void
    ) {
        let (mask, count, places, spaceCount) = (mask, expanded.featureCount, layout.places, spaces.count)
        unsafe spaces.withUnsafeMutableBufferPointer { spaces in
            unsafe places.withUnsafeBufferPointer { places in
                unsafe parsed.segmentEnds.withUnsafeBufferPointer { segmentEnds in
                    unsafe parsed.featureEnds.withUnsafeBufferPointer { featureEnds in
                        unsafe parsed.segmentBytes.withUnsafeBufferPointer { segmentBytes in
                            guard let spaces = spaces.baseAddress, let segmentEnds = segmentEnds.baseAddress,
                                let featureEnds = featureEnds.baseAddress, let bytes = segmentBytes.baseAddress
                            else { return }
                            let alike = unsafe AlikeColumns(
                                segmentEnds: segmentEnds, featureEnds: featureEnds, segmentBytes: bytes,
                                spaces: spaces, spaceCount: spaceCount,
                                places: places.isEmpty ? nil : places.baseAddress, placeCount: places.count)
                            unsafe withTargets(parsed, &expanded, mask, count) { columns, offsets, counts in
                                unsafe body(alike, &columns, offsets, counts)
                            }
                        }
                    }
                }
            }
        }
    }
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

private func withTargets(
    _ parsed: ParsedExamples, _ expanded: inout ExpandedExamples, _ mask: UInt32, _ count: Int,
    _ body: (inout ExampleColumns, UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<UInt32>) -> Void
) {
    unsafe parsed.indices.withUnsafeBufferPointer { sourceIndices in
        unsafe parsed.values.withUnsafeBufferPointer { sourceValues in
            unsafe expanded.indices.withUnsafeMutableBufferPointer { indices in
                unsafe expanded.values.withUnsafeMutableBufferPointer { values in
                    unsafe expanded.offsets.withUnsafeMutableBufferPointer { offsets in
                        unsafe expanded.counts.withUnsafeMutableBufferPointer { counts in
                            guard let from = sourceIndices.baseAddress, let fromValues = sourceValues.baseAddress,
                                let indices = indices.baseAddress, let values = values.baseAddress,
                                let offsets = offsets.baseAddress, let counts = counts.baseAddress
                            else { return }
                            var columns = unsafe ExampleColumns(
                                sourceIndices: from, sourceValues: fromValues, indices: indices, values: values,
                                mask: mask, count: count)
                            unsafe body(&columns, offsets, counts)
                        }
                    }
                }
            }
        }
    }
}
