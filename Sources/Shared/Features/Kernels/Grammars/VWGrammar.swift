internal import CKernels
internal import Domain

/// Vowpal Wabbit text.
struct VWGrammar: LineGrammar {
    let purpose: ExampleParser.Purpose

    @inline(__always)
    static func delimiters64(_ text: TextPointer, _ at: Int) -> UInt64 { text.vwDelimiters64(at) }

    /// An empty line is nothing and no failure, as in VW.
    @inline(__always)
    mutating func parseLine(
        _ text: TextPointer, from start: Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
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

        maker.beginLine(&columns)
        if failure == nil { failure = parseNamespaces(text, &at, &cursor, &maker, into: &columns) }
        failure = maker.finishLine(failure, label, start, at, into: &columns)
        return (endOfLine(text, at, &cursor), failure)
    }

    /// From the first bar, at `at`, to the line feed, where `at` is left; or to where a failure shows.
    @inline(__always)
    private func parseNamespaces(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        while text[at] == UInt8(ascii: "|") {
            let nameStart = at &+ 1
            at = cursor.next()
            let namespace = maker.namespaceHash(text.advanced(nameStart), at &- nameStart)
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
            if maker.looksAt(namespace: namespace) {
                failure = parseNumbers(text, &at, &cursor, &maker, namespace, weight, into: &columns)
            } else {
                failure = parseFeatures(text, &at, &cursor, &maker, namespace, weight, into: &columns)
            }
            if let failure { return failure }
            // What ends a name stands where it would begin.
            let isUnnamed = byte <= 0x20 || byte == UInt8(ascii: "|") || byte == UInt8(ascii: ":")
            maker.endNamespace(isUnnamed ? UInt8(ascii: " ") : byte, from: first, columns)
        }
        return nil
    }

    /// The features of a namespace whose numbers transforms look at.
    private func parseNumbers(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        _ namespace: UInt32, _ weight: Float, into columns: inout BatchColumns
    ) -> LineFailure? {
        parseFeatures(text, &at, &cursor, &maker, namespace, weight, isLookedAt: true, into: &columns)
    }

    /// The features of one namespace; `at` ends on the next bar or the line feed.
    @inline(__always)
    private func parseFeatures(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        _ namespace: UInt32, _ weight: Float, isLookedAt: Bool = false, into columns: inout BatchColumns
    ) -> LineFailure? {
        var unnamedCount: UInt32 = 0
        while text[at] != UInt8(ascii: "|") && text[at] != UInt8(ascii: "\n") {
            if text[at] == UInt8(ascii: ":") { return LineFailure(position: at, reason: .secondColon) }
            let nameStart = at &+ 1
            at = cursor.next()
            let nameCount = at &- nameStart
            let name = text.advanced(nameStart)
            if text[at] != UInt8(ascii: ":") {
                if isLookedAt && nameCount > 0
                    && maker.isBinned(maker.hash(name, nameCount, seed: namespace), 1, weight, &columns)
                {
                    continue
                }
                if nameCount > 0 && weight != 0 {
                    maker.addFeature(name, nameCount, seed: namespace, weight, into: &columns)
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
                guard isLookedAt else { return LineFailure(position: valueStart, reason: .valueNotANumber) }
            case .infinite:
                value = text[valueStart] == UInt8(ascii: "-") ? -.infinity : .infinity
                guard isLookedAt else { return LineFailure(position: valueStart, reason: .valueInfinite) }
            }
            if isLookedAt {
                if !isText && nameCount > 0
                    && maker.isBinned(maker.hash(name, nameCount, seed: namespace), value, weight, &columns)
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
                let seed = nameCount > 0 ? maker.hash(name, nameCount, seed: namespace) : unnamed
                columns.addFeature(maker.hash(text.advanced(valueStart), at &- valueStart, seed: seed), value)
            } else if nameCount > 0 {
                maker.addFeature(name, nameCount, seed: namespace, value, into: &columns)
            } else {
                columns.addFeature(unnamed, value)
            }
        }
        return nil
    }

    private func isBlank(_ text: TextPointer, _ start: Int, _ end: Int) -> Bool {
        (start..<end).allSatisfy { text[$0] <= 0x20 }
    }
}
