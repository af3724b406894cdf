internal import CKernels
internal import Domain

/// Criteo's lines: a label, 13 numbers and 26 categories between tabs, each of which may be empty.
///
/// Equal to VW's `label |A I1:number |B I2:number … |a category |b category …` with what is not empty.
struct CriteoGrammar: LineGrammar {
    private static let numberCount = 13
    private static let categoryCount = 26
    private static let tab = UInt8(ascii: "\t")

    private let purpose: ExampleParser.Purpose
    // Arrays, not inline ones, which are copied as a whole where one of their elements is read.
    /// Of `I1` in namespace `A` and so on, before the mask.
    private var numberHashes = [UInt32](repeating: 0, count: numberCount)
    /// Of the namespaces `a`, `b` and so on.
    private var categoryNamespaces = [UInt32](repeating: 0, count: categoryCount)
    /// Whether transforms look at a column: a bit for each, numbers first.
    private var lookedAt: UInt64 = 0

    init(_ maker: ExampleMaker, _ hashing: ModelSpec.Hashing, purpose: ExampleParser.Purpose) {
        self.purpose = purpose
        for k in 0..<Self.numberCount {
            let namespace = hashing.hash(ofNamespace: String(Character(Unicode.Scalar(UInt8(ascii: "A") + UInt8(k)))))
            numberHashes[k] = hashing.hash("I\(k + 1)", in: namespace)
            if maker.looksAt(namespace: namespace) { lookedAt |= 1 << UInt64(k) }
        }
        for k in 0..<Self.categoryCount {
            let namespace = hashing.hash(ofNamespace: String(Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(k)))))
            categoryNamespaces[k] = namespace
            if maker.looksAt(namespace: namespace) { lookedAt |= 1 << UInt64(Self.numberCount + k) }
        }
    }

    @inline(__always)
    static func delimiters64(_ text: TextPointer, _ at: Int) -> UInt64 { text.bytes64(at, tab, tab, tab) }

    @inline(__always)
    mutating func parseLine(
        _ text: TextPointer, from start: Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> (next: Int, failure: LineFailure?) {
        var at = cursor.next()
        if text[at] == UInt8(ascii: "\n") && text.endWithoutReturn(start, at) == start { return (at &+ 1, nil) }
        var label = ExampleLabel()
        var failure: LineFailure?
        if purpose == .training {
            failure =
                at == start
                ? LineFailure(position: start, reason: .noLabel) : label.readLabel(text, start, at)
        }
        maker.beginLine(&columns)
        if failure == nil { failure = parseNumbers(text, &at, &cursor, &maker, into: &columns) }
        if failure == nil { failure = parseCategories(text, &at, &cursor, &maker, into: &columns) }
        failure = maker.finishLine(failure, label, start, at, into: &columns)
        return (endOfLine(text, at, &cursor), failure)
    }

    @inline(__always)
    private func parseNumbers(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        for k in 0..<Self.numberCount {
            guard text[at] == Self.tab else { return LineFailure(position: at, reason: .criteoColumnCount) }
            let start = at &+ 1
            at = cursor.next()
            guard at > start else { continue }
            guard let value = parseNumber(text, start, at) else {
                return LineFailure(position: start, reason: .valueNotNumeric)
            }
            let first = columns.featureCount
            if let reason = maker.addNumber(
                hash: numberHashes[k], value, isLookedAt: lookedAt &>> UInt64(k) & 1 != 0, into: &columns)
            {
                return LineFailure(position: start, reason: reason)
            }
            maker.endNamespace(UInt8(ascii: "A") &+ UInt8(truncatingIfNeeded: k), from: first, columns)
        }
        return nil
    }

    @inline(__always)
    private func parseCategories(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        for k in 0..<Self.categoryCount {
            guard text[at] == Self.tab else { return LineFailure(position: at, reason: .criteoColumnCount) }
            let start = at &+ 1
            at = cursor.next()
            let end = text[at] == UInt8(ascii: "\n") ? text.endWithoutReturn(start, at) : at
            guard end > start else { continue }
            let first = columns.featureCount
            maker.addName(
                text.advanced(start), end &- start, categoryNamespaces[k],
                isLookedAt: lookedAt &>> UInt64(Self.numberCount &+ k) & 1 != 0, into: &columns)
            maker.endNamespace(UInt8(ascii: "a") &+ UInt8(truncatingIfNeeded: k), from: first, columns)
        }
        guard text[at] == UInt8(ascii: "\n") else { return LineFailure(position: at, reason: .criteoColumnCount) }
        return nil
    }
}
