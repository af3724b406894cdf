internal import Domain

/// What stands before a line's first bar: [label [importance]] [tag].
struct ExampleLabel {
    /// 1 or 0.
    var label: Float = 0
    var importance: Float = 1

    /// Reads text[start ..< end], where `end` is the first bar or the line feed.
    ///
    /// Text up to a first tab is ignored. The last token is a tag if it begins with a quote or touches the bar.
    /// - Source: VW `parse_example_text.cc`.
    @inline(__always)
    mutating func read(_ text: TextPointer, _ start: Int, _ end: Int) -> LineFailure? {
        // The two lines that nearly all files consist of: `1 |` and `-1 |`.
        if end &- start == 2 && text[start] == UInt8(ascii: "1") && text[start &+ 1] == 0x20 {
            label = 1
            return nil
        }
        if end &- start == 3 && text[start] == UInt8(ascii: "-") && text[start &+ 1] == UInt8(ascii: "1")
            && text[start &+ 2] == 0x20
        {
            label = 0
            return nil
        }
        return readTokens(text, start, end)
    }

    private mutating func readTokens(_ text: TextPointer, _ lineStart: Int, _ end: Int) -> LineFailure? {
        let start = (lineStart..<end).first { text[$0] == UInt8(ascii: "\t") }.map { $0 + 1 } ?? lineStart
        var tokens: [Range<Int>] = []
        var at = start
        while at < end {
            while at < end && isSpace(text[at]) { at += 1 }
            let tokenStart = at
            while at < end && !isSpace(text[at]) { at += 1 }
            if at > tokenStart { tokens.append(tokenStart..<at) }
            guard tokens.count <= 4 else {
                return LineFailure(position: tokenStart, reason: .tooManyLabelTokens)
            }
        }
        if let last = tokens.last,
            text[last.lowerBound] == UInt8(ascii: "'") || (last.upperBound == end && text[end] == UInt8(ascii: "|"))
        {
            tokens.removeLast()
        }
        guard let labelToken = tokens.first else { return LineFailure(position: start, reason: .noLabel) }
        if let failure = readLabel(text, labelToken.lowerBound, labelToken.upperBound) { return failure }
        if tokens.count > 1, let failure = readImportance(text, tokens[1].lowerBound, tokens[1].upperBound) {
            return failure
        }
        if tokens.count > 2 {
            let token = tokens[2]
            guard case .number(0) = parseDecimal(text, token.lowerBound, token.upperBound) else {
                return LineFailure(position: token.lowerBound, reason: .initialPrediction)
            }
        }
        guard tokens.count <= 3 else {
            return LineFailure(position: tokens[3].lowerBound, reason: .tooManyLabelTokens)
        }
        return nil
    }

    /// Reads a label that is all of text[start ..< end].
    mutating func readLabel(_ text: TextPointer, _ start: Int, _ end: Int) -> LineFailure? {
        guard case .number(let value) = parseDecimal(text, start, end), value == 1 || value == -1 || value == 0
        else { return LineFailure(position: start, reason: .wrongLabel) }
        label = value == 1 ? 1 : 0
        return nil
    }

    mutating func readImportance(_ text: TextPointer, _ start: Int, _ end: Int) -> LineFailure? {
        guard case .number(let value) = parseDecimal(text, start, end), value > 0,
            value <= Limits.Features.importanceMax
        else { return LineFailure(position: start, reason: .wrongImportance) }
        importance = value
        return nil
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
}
