internal import Domain

/// A line of tokens, the label first; from `#` on it is a comment.
protocol TokenGrammar: LineGrammar {
    var purpose: ExampleParser.Purpose { get }

    /// Reads what stands behind the label, from `token` on, to the end of the line.
    func parseFeatures(
        _ text: TextPointer, _ token: inout Token, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure?
}

extension TokenGrammar {
    @inline(__always)
    static func delimiters64(_ text: TextPointer, _ at: Int) -> UInt64 { text.vwDelimiters64(at) }

    @inline(__always)
    mutating func parseLine(
        _ text: TextPointer, from start: Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> (next: Int, failure: LineFailure?) {
        var token = Token(text, start, &cursor)
        if token.isEndOfLine(text) { return (endOfLine(text, token.end, &cursor), nil) }
        var label = ExampleLabel()
        maker.beginLine(&columns)
        var failure = label.readFirst(&token, text, &cursor, purpose)
        if failure == nil { failure = parseFeatures(text, &token, &cursor, &maker, into: &columns) }
        failure = maker.finishLine(failure, label, start, token.end, into: &columns)
        return (endOfLine(text, token.end, &cursor), failure)
    }
}
