internal import CKernels
internal import Domain

/// CSV (RFC 4180) with the columns of a header: a number of the column `age` is VW's `|age age:number`, a value of the category `site`
/// is `|site value`. A record is one line: a quoted field holds no line feed.
struct CSVGrammar: LineGrammar {
    /// What a column of the header is.
    enum Role: Sendable {
        case ignored
        case label
        case importance
        /// Its feature's hash, before the mask.
        case number(UInt32)
        /// Its namespace's hash.
        case category(UInt32)
    }

    struct Column: Sendable {
        var role: Role
        /// The first of its name, as crosses know its namespace.
        var byte: UInt8 = 0
        /// Whether transforms look at its namespace.
        var isLookedAt = false
    }

    let purpose: ExampleParser.Purpose
    let columns: [Column]

    @inline(__always)
    static func delimiters64(_ text: TextPointer, _ at: Int) -> UInt64 {
        text.bytes64(at, UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\""))
    }

    @inline(__always)
    mutating func parseLine(
        _ text: TextPointer, from start: Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into batch: inout BatchColumns
    ) -> (next: Int, failure: LineFailure?) {
        var at = cursor.peek
        if text[at] == UInt8(ascii: "\n") && text.endWithoutReturn(start, at) == start {
            return (cursor.next() &+ 1, nil)
        }
        var label = ExampleLabel()
        var hasLabel = purpose == .scoring
        maker.beginLine(&batch)
        var fieldStart = start
        var failure: LineFailure?
        for k in columns.indices {
            var field = CSVField(fieldStart)
            failure = field.find(text, &at, &cursor)
            if failure == nil && field.end > field.start {
                failure = add(field, columns[k], text, &label, &hasLabel, &maker, into: &batch)
            }
            if failure == nil && (text[at] == UInt8(ascii: "\n")) != (k == columns.count &- 1) {
                failure = LineFailure(position: at, reason: .csvColumnCount)
            }
            guard failure == nil else { break }
            fieldStart = at &+ 1
        }
        if failure == nil && !hasLabel { failure = LineFailure(position: start, reason: .labelMissing) }
        failure = maker.finishLine(failure, label, start, at, into: &batch)
        return (endOfLine(text, at, &cursor), failure)
    }

    @inline(__always)
    private func add(
        _ field: CSVField, _ column: Column, _ text: TextPointer, _ label: inout ExampleLabel, _ hasLabel: inout Bool,
        _ maker: inout ExampleMaker, into batch: inout BatchColumns
    ) -> LineFailure? {
        let first = batch.featureCount
        switch column.role {
        case .ignored: return nil
        case .label:
            guard purpose == .training else { return nil }
            hasLabel = true
            return label.readLabel(text, field.start, field.end)
        case .importance:
            guard purpose == .training else { return nil }
            return label.readImportance(text, field.start, field.end)
        case .number(let hash):
            guard let value = parseNumber(text, field.start, field.end) else {
                return LineFailure(position: field.start, reason: .valueNotNumeric)
            }
            if let reason = maker.addNumber(hash: hash, value, isLookedAt: column.isLookedAt, into: &batch) {
                return LineFailure(position: field.start, reason: reason)
            }
        case .category(let namespace):
            field.withBytes(text) {
                maker.addName($0, $1, namespace, isLookedAt: column.isLookedAt, into: &batch)
            }
        }
        maker.endNamespace(column.byte, from: first, batch)
        return nil
    }
}

/// A field of a record, between its quotes where it has some.
struct CSVField {
    var start: Int
    private(set) var end: Int
    /// Two quotes stand for one in it.
    private var hasQuotes = false

    init(_ start: Int) { (self.start, end) = (start, start) }

    /// Finds its end.
    ///
    /// - Parameter at: receives the delimiter behind it, or behind which a failure shows.
    @inline(__always)
    mutating func find(_ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor) -> LineFailure? {
        at = cursor.next()
        guard text[at] == UInt8(ascii: "\"") else {
            end = text[at] == UInt8(ascii: "\n") ? text.endWithoutReturn(start, at) : at
            return nil
        }
        return findQuoted(text, &at, &cursor)
    }

    private mutating func findQuoted(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor
    ) -> LineFailure? {
        guard at == start else { return LineFailure(position: at, reason: .csvQuote) }
        start = at &+ 1
        while true {
            at = cursor.next()
            if text[at] == UInt8(ascii: "\n") { return LineFailure(position: start &- 1, reason: .csvOpenQuote) }
            guard text[at] == UInt8(ascii: "\"") else { continue }
            guard text[at &+ 1] == UInt8(ascii: "\"") else { break }
            at = cursor.next()
            hasQuotes = true
        }
        end = at
        at = cursor.next()
        let behind = text[at] == UInt8(ascii: "\n") ? text.endWithoutReturn(end &+ 1, at) : at
        return behind == end &+ 1 ? nil : LineFailure(position: end &+ 1, reason: .csvQuote)
    }

    /// Runs `body` over its bytes.
    @inline(__always)
    func withBytes(_ text: TextPointer, _ body: (TextPointer, Int) -> Void) {
        guard hasQuotes else { return body(text.advanced(start), end &- start) }
        let bytes = bytes(text)
        ByteWindow(bytes).withText { body($0, bytes.count) }
    }

    /// Its bytes, two quotes as one.
    func bytes(_ text: TextPointer) -> [UInt8] {
        var bytes: [UInt8] = []
        var at = start
        while at < end {
            bytes.append(text[at])
            at += hasQuotes && text[at] == UInt8(ascii: "\"") ? 2 : 1
        }
        return bytes
    }
}
