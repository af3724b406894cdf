internal import CKernels
internal import Domain

/// `label field:index:value …`, which is VW's `label |field index:value …`, features in a row of one field in one piece of its
/// namespace. From `#` on a line is a comment.
struct LibffmGrammar: TokenGrammar {
    let purpose: ExampleParser.Purpose

    @inline(__always)
    func parseFeatures(
        _ text: TextPointer, _ token: inout Token, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        var field = 0..<0
        var namespace: UInt32 = 0
        var isLookedAt = false
        var first = columns.featureCount
        while !token.isEndOfLine(text) {
            guard token.isAllDigits(text) else {
                return LineFailure(position: token.start, reason: token.whyNoIndex(text))
            }
            guard text[token.end] == UInt8(ascii: ":") else {
                return LineFailure(position: token.end, reason: .fieldMissing)
            }
            if field.isEmpty || !text.isEqual(field, token.start..<token.end) {
                if !field.isEmpty { maker.endNamespace(text[field.lowerBound], from: first, columns) }
                field = token.start..<token.end
                first = columns.featureCount
                namespace = maker.namespaceHash(text.advanced(token.start), token.end &- token.start)
                isLookedAt = maker.looksAt(namespace: namespace)
            }
            token.advance(text, &cursor)
            let (name, nameCount) = (token.start, token.end &- token.start)
            guard token.isAllDigits(text) else { return LineFailure(position: name, reason: token.whyNoIndex(text)) }
            guard text[token.end] == UInt8(ascii: ":") else {
                return LineFailure(position: token.end, reason: .fieldMissing)
            }
            var value: Float = 0
            if let failure = token.readValue(&value, text, &cursor) { return failure }
            if let reason = maker.addNumber(
                text.advanced(name), nameCount, namespace, value, isLookedAt: isLookedAt, into: &columns)
            {
                return LineFailure(position: token.start, reason: reason)
            }
            token.advance(text, &cursor)
        }
        if !field.isEmpty { maker.endNamespace(text[field.lowerBound], from: first, columns) }
        return nil
    }
}
