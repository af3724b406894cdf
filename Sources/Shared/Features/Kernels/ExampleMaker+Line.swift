internal import Domain

extension ExampleMaker {
    @inline(__always)
    mutating func beginLine(_ columns: inout BatchColumns) {
        firstFeature = columns.featureCount
        if hasCrosses {
            columns.names.firstFeature = firstFeature
            crossing!.beginLine()
        }
        if hasTransforms { transforming!.beginLine() }
    }

    /// Ends the line text[start ..< end]: adds what it does not name, and the example; or takes its features back.
    ///
    /// - Parameter failure: why the grammar refuses the line.
    /// - Returns: that, or what shows only now.
    @inline(__always)
    mutating func finishLine(
        _ failure: LineFailure?, _ label: ExampleLabel, _ start: Int, _ end: Int, into columns: inout BatchColumns
    ) -> LineFailure? {
        var failure = failure
        if failure == nil && end &- start > Limits.Features.lineByteCountMax {
            failure = LineFailure(position: start, reason: .tooLong)
        }
        if failure == nil && hasTransforms { transforming!.finishLine(into: &columns, &crossing) }
        let ownEnd = columns.featureCount
        if failure == nil && hasConstant && !hasContext { columns.addFeature(Self.constantIndex, 1) }
        if failure == nil && columns.featureCount &- firstFeature &+ contextFeatureCount > Limits.Features.perExampleMax
        {
            failure = LineFailure(position: start, reason: .tooManyFeatures)
        }
        if failure == nil && hasCrosses {
            columns.hashNames(digitsAreNumbers: !hashesDigits, mask: mask)
            if isContext { context = crossing!.features(columns, firstFeature, ownEnd) }
            let reason = crossing!.addCrosses(from: firstFeature, mask: mask, into: &columns)
            failure = reason.map { LineFailure(position: start, reason: $0) }
        }
        guard failure == nil else {
            columns.featureCount = firstFeature
            return failure
        }
        if hasTransforms { transforming!.keepRow() }
        columns.endExample(label: label.label, importance: label.importance)
        return nil
    }

    /// Whether transforms look at numbers of the namespace.
    @inline(__always)
    func looksAt(namespace: UInt32) -> Bool { hasTransforms && transforming!.looksAt(namespace: namespace) }

    /// Tells crosses of a namespace, by the first byte of its name, or a piece of it: the features from `first` on.
    @inline(__always)
    mutating func endNamespace(_ byte: UInt8, from first: Int, _ columns: BatchColumns) {
        if hasCrosses { crossing!.append(byte, first..<columns.featureCount) }
    }

    /// Shows a feature to the transforms, and adds its bin if it has one.
    ///
    /// - Parameter hash: of the name, before the mask.
    /// - Returns: whether nothing else of it is left to add: a value that is not finite only trees see.
    mutating func isBinned(_ hash: UInt32, _ value: Float, _ weight: Float, _ columns: inout BatchColumns) -> Bool {
        switch transforming!.take(hash, value) {
        case .binned(let index):
            if weight != 0 { columns.addFeature(index, weight) }
            return true
        case .input: return !value.isFinite
        case .other: return false
        }
    }

    /// Adds a feature by name. A short name waits to be hashed with others; names that must be trimmed are rare.
    @inline(__always)
    func addFeature(
        _ name: TextPointer, _ byteCount: Int, seed: UInt32, _ value: Float, into columns: inout BatchColumns
    ) {
        if byteCount <= 8 && name[0] > 0x20 && name[byteCount &- 1] > 0x20 {
            let word = name.word64(0) & (UInt64.max &>> (64 &- 8 &* UInt64(byteCount)))
            columns.addFeature(named: word, byteCount: byteCount, seed: seed, value)
        } else {
            columns.addFeature(hash(name, byteCount, seed: seed), value)
        }
    }

    @inline(__always)
    func hash(_ name: TextPointer, _ count: Int, seed: UInt32) -> UInt32 {
        hashesDigits ? murmur32(name, count, seed: seed) : hashString(name, count, seed: seed)
    }

    @inline(__always)
    mutating func namespaceHash(_ name: TextPointer, _ count: Int) -> UInt32 {
        guard count > 0 else { return unnamedNamespace }
        let (hashesDigits, seed) = (hashesDigits, seed)
        return namespaces.hash(name, count) { name, count in
            hashesDigits ? murmur32(name, count, seed: seed) : hashString(name, count, seed: seed)
        }
    }
}

// MARK: features without a namespace's weight

extension ExampleMaker {
    /// Adds a name without a value, as `|namespace name`.
    @inline(__always)
    mutating func addName(
        _ name: TextPointer, _ byteCount: Int, _ namespace: UInt32, isLookedAt: Bool,
        into columns: inout BatchColumns
    ) {
        if isLookedAt && isBinned(hash(name, byteCount, seed: namespace), 1, 1, &columns) { return }
        addFeature(name, byteCount, seed: namespace, 1, into: &columns)
    }

    /// Adds a name with a number, as `|namespace name:value`.
    ///
    /// - Returns: why the number cannot be learned from.
    @inline(__always)
    mutating func addNumber(
        _ name: TextPointer, _ byteCount: Int, _ namespace: UInt32, _ value: Float, isLookedAt: Bool,
        into columns: inout BatchColumns
    ) -> LineError.Reason? {
        if isLookedAt && isBinned(hash(name, byteCount, seed: namespace), value, 1, &columns) { return nil }
        if let reason = whyRefused(value) { return reason }
        if value != 0 { addFeature(name, byteCount, seed: namespace, value, into: &columns) }
        return nil
    }

    /// The same, of a name whose hash before the mask is known.
    @inline(__always)
    mutating func addNumber(
        hash: UInt32, _ value: Float, isLookedAt: Bool, into columns: inout BatchColumns
    ) -> LineError.Reason? {
        if isLookedAt && isBinned(hash, value, 1, &columns) { return nil }
        if let reason = whyRefused(value) { return reason }
        if value != 0 { columns.addFeature(hash, value) }
        return nil
    }

    @inline(__always)
    private func whyRefused(_ value: Float) -> LineError.Reason? {
        guard value.magnitude <= Limits.Features.valueMagnitudeMax else {
            return value.isNaN ? .valueNotANumber : value.isInfinite ? .valueInfinite : .valueTooLarge
        }
        return nil
    }
}
