internal import Domain

/// A refused line: the byte that shows it, and why.
struct LineFailure {
    var position: Int
    var reason: LineError.Reason
}

extension VWTextParser {
    /// Parses one line, delimiter by delimiter; adds an example, or nothing and a failure.
    ///
    /// An empty line is nothing and no failure, as in VW.
    /// - Returns: the position behind the line's line feed.
    @inline(__always)
    mutating func parseLine(
        _ text: TextPointer, from start: Int, _ cursor: inout DelimiterCursor, into columns: inout BatchColumns
    ) -> (next: Int, failure: LineFailure?) {
        var at = cursor.next()
        while text[at] != UInt8(ascii: "|") && text[at] != UInt8(ascii: "\n") { at = cursor.next() }

        var label = ExampleLabel()
        var failure: LineFailure?
        if purpose == .training {
            if text[at] == UInt8(ascii: "\n") && isBlank(text, start, at) { return (at &+ 1, nil) }
            failure = label.read(text, start, at)
        } else if at == start {
            if text[at] == UInt8(ascii: "\n") { return (at &+ 1, nil) }
        }

        let firstFeature = columns.featureCount
        if crossing != nil {
            columns.names.firstFeature = firstFeature
            crossing!.beginLine()
        }
        if transforming != nil { transforming!.beginLine() }
        if failure == nil { failure = parseNamespaces(text, &at, &cursor, into: &columns) }
        if failure == nil && at &- start > Limits.Features.lineByteCountMax {
            failure = LineFailure(position: start, reason: .tooLong)
        }
        if failure == nil && transforming != nil { transforming!.finishLine(into: &columns, &crossing) }
        let ownEnd = columns.featureCount
        if failure == nil && hasConstant && !hasContext { columns.addFeature(Self.constantIndex, 1) }
        if failure == nil && columns.featureCount &- firstFeature &+ contextFeatureCount > Limits.Features.perExampleMax
        {
            failure = LineFailure(position: start, reason: .tooManyFeatures)
        }
        if failure == nil && crossing != nil {
            columns.hashNames(digitsAreNumbers: !hashesDigits, mask: mask)
            if isContext { context = crossing!.features(columns, firstFeature, ownEnd) }
            let reason = crossing!.addCrosses(from: firstFeature, mask: mask, into: &columns)
            failure = reason.map { LineFailure(position: start, reason: $0) }
        }
        guard failure == nil else {
            columns.featureCount = firstFeature
            while text[at] != UInt8(ascii: "\n") { at = cursor.next() }
            return (at &+ 1, failure)
        }
        if transforming != nil { transforming!.keepRow() }
        columns.endExample(label: label.label, importance: label.importance)
        return (at &+ 1, nil)
    }

    /// From the first bar, at `at`, to the line feed, where `at` is left; or to where a failure shows.
    @inline(__always)
    private mutating func parseNamespaces(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, into columns: inout BatchColumns
    ) -> LineFailure? {
        while text[at] == UInt8(ascii: "|") {
            let nameStart = at &+ 1
            at = cursor.next()
            let namespace = namespaceHash(text.advanced(nameStart), at &- nameStart)
            var weight: Float = 1
            if text[at] == UInt8(ascii: ":") {
                let weightStart = at &+ 1
                at = cursor.next()
                guard case .number(let given) = parseDecimal(text, weightStart, at), given.isFinite else {
                    return LineFailure(position: weightStart, reason: .namespaceWeight)
                }
                weight = given
            }
            let first = columns.featureCount
            let byte = text[nameStart]
            let failure: LineFailure?
            if transforming != nil && transforming!.looksAt(namespace: namespace) {
                failure = parseNumbers(text, &at, &cursor, namespace, weight, into: &columns)
            } else {
                failure = parseFeatures(text, &at, &cursor, namespace, weight, into: &columns)
            }
            if let failure { return failure }
            if crossing != nil {
                // What ends a name stands where it would begin.
                let isUnnamed = byte <= 0x20 || byte == UInt8(ascii: "|") || byte == UInt8(ascii: ":")
                crossing!.append(isUnnamed ? UInt8(ascii: " ") : byte, first..<columns.featureCount)
            }
        }
        return nil
    }

    /// The features of a namespace whose numbers transforms look at.
    private mutating func parseNumbers(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, _ namespace: UInt32, _ weight: Float,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        parseFeatures(text, &at, &cursor, namespace, weight, isTransformed: true, into: &columns)
    }

    /// The features of one namespace; `at` ends on the next bar or the line feed.
    @inline(__always)
    private mutating func parseFeatures(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, _ namespace: UInt32, _ weight: Float,
        isTransformed: Bool = false, into columns: inout BatchColumns
    ) -> LineFailure? {
        var unnamedCount: UInt32 = 0
        while text[at] != UInt8(ascii: "|") && text[at] != UInt8(ascii: "\n") {
            if text[at] == UInt8(ascii: ":") { return LineFailure(position: at, reason: .secondColon) }
            let nameStart = at &+ 1
            at = cursor.next()
            let nameCount = at &- nameStart
            if text[at] != UInt8(ascii: ":") {
                if isTransformed && nameCount > 0
                    && isBinned(text, nameStart, nameCount, namespace, 1, weight, &columns)
                {
                    continue
                }
                if nameCount > 0 && weight != 0 {
                    addFeature(text.advanced(nameStart), nameCount, seed: namespace, weight, into: &columns)
                }
                continue
            }
            let valueStart = at &+ 1
            at = cursor.next()
            guard at > valueStart else { return LineFailure(position: valueStart, reason: .valueMissing) }
            let unnamed = namespace &+ unnamedCount
            if nameCount == 0 { unnamedCount &+= 1 }
            var value: Float = 1
            var isText = false
            switch parseDecimal(text, valueStart, at) {
            case .number(let number): value = number
            case .text: isText = true
            case .notANumber:
                value = .nan
                guard isTransformed else { return LineFailure(position: valueStart, reason: .valueNotANumber) }
            case .infinite:
                value = text[valueStart] == UInt8(ascii: "-") ? -.infinity : .infinity
                guard isTransformed else { return LineFailure(position: valueStart, reason: .valueInfinite) }
            }
            if isTransformed {
                if !isText && nameCount > 0
                    && isBinned(text, nameStart, nameCount, namespace, value, weight, &columns)
                {
                    continue
                }
                guard value.isFinite else {
                    return LineFailure(position: valueStart, reason: value.isNaN ? .valueNotANumber : .valueInfinite)
                }
            }
            value *= weight
            guard value.magnitude <= Limits.Features.valueMagnitudeMax else {
                return LineFailure(position: valueStart, reason: .valueTooLarge)
            }
            guard value != 0 else { continue }
            if isText {
                let seed =
                    nameCount > 0 ? hash(text.advanced(nameStart), nameCount, seed: namespace) : unnamed
                columns.addFeature(hash(text.advanced(valueStart), at &- valueStart, seed: seed), value)
            } else if nameCount > 0 {
                addFeature(text.advanced(nameStart), nameCount, seed: namespace, value, into: &columns)
            } else {
                columns.addFeature(unnamed, value)
            }
        }
        return nil
    }

    /// Shows a feature to the transforms, and adds its bin if it has one.
    ///
    /// - Returns: whether nothing else of it is left to add: a value that is not finite only trees see.
    private mutating func isBinned(
        _ text: TextPointer, _ nameStart: Int, _ nameCount: Int, _ namespace: UInt32, _ value: Float, _ weight: Float,
        _ columns: inout BatchColumns
    ) -> Bool {
        switch transforming!.take(hash(text.advanced(nameStart), nameCount, seed: namespace), value) {
        case .binned(let index):
            if weight != 0 { columns.addFeature(index, weight) }
            return true
        case .input: return !value.isFinite
        case .other: return false
        }
    }

    /// Adds a feature by name. A short name waits to be hashed with others; names that must be trimmed are rare.
    @inline(__always)
    private func addFeature(
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
    private func hash(_ name: TextPointer, _ count: Int, seed: UInt32) -> UInt32 {
        hashesDigits ? murmur32(name, count, seed: seed) : hashString(name, count, seed: seed)
    }

    @inline(__always)
    private mutating func namespaceHash(_ name: TextPointer, _ count: Int) -> UInt32 {
        guard count > 0 else { return unnamedNamespace }
        let (hashesDigits, seed) = (hashesDigits, seed)
        return namespaces.hash(name, count) { name, count in
            hashesDigits ? murmur32(name, count, seed: seed) : hashString(name, count, seed: seed)
        }
    }

    private func isBlank(_ text: TextPointer, _ start: Int, _ end: Int) -> Bool {
        (start..<end).allSatisfy { text[$0] <= 0x20 }
    }
}
