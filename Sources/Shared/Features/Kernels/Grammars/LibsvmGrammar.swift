internal import CKernels
internal import Domain

/// `label index:value …`, which is VW's `label | index:value …`. From `#` on a line is a comment.
struct LibsvmGrammar: TokenGrammar {
    let purpose: ExampleParser.Purpose

    @inline(__always)
    func parseFeatures(
        _ text: TextPointer, _ token: inout Token, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        let namespace = maker.unnamedNamespace
        let isLookedAt = maker.looksAt(namespace: namespace)
        while !token.isEndOfLine(text) {
            let (name, nameCount) = (token.start, token.end &- token.start)
            guard token.isAllDigits(text) else { return LineFailure(position: name, reason: token.whyNoIndex(text)) }
            guard text[token.end] == UInt8(ascii: ":") else {
                return LineFailure(position: token.end, reason: .valueMissing)
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
        maker.endNamespace(UInt8(ascii: " "), from: maker.firstFeature, columns)
        return nil
    }
}
