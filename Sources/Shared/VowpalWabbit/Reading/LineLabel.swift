internal import Features

/// What stands before a line's first bar: [label [importance [initial prediction]]] [tag].
///
/// - Source: Vowpal Wabbit's `parse_example_text.cc`, `simple_label_parser.cc`.
struct LineLabel {
    var label = ParsedExamples.noLabel
    var importance: Float = 1
    var initial: Float = 0

    /// Reads text[start ..< end], where `end` is the first bar, or the line's end.
    @inline(__always)
    init(_ text: TextPointer, _ start: Int, _ end: Int, into columns: inout ParsedColumns) {
        // The two beginnings that nearly all lines have: `1 |` and `-1 |`.
        if end &- start == 2 && text[start] == UInt8(ascii: "1") && text[start &+ 1] == 0x20 {
            label = 1
        } else if end &- start == 3 && text[start] == UInt8(ascii: "-") && text[start &+ 1] == UInt8(ascii: "1")
            && text[start &+ 2] == 0x20
        {
            label = -1
        } else if end > start && !readShort(text, start, end, into: &columns) {
            readTokens(text, start, end, into: &columns)
        }
    }

    /// The next frequent beginnings, `1 'tag |` and `-1 'tag |`.
    @inline(__always)
    private mutating func readShort(
        _ text: TextPointer, _ start: Int, _ end: Int, into columns: inout ParsedColumns
    ) -> Bool {
        let isNegative = text[start] == UInt8(ascii: "-")
        let digit = isNegative ? start &+ 1 : start
        guard end &- digit > 3, text[digit] == UInt8(ascii: "1"), text[digit &+ 1] == 0x20,
            text[digit &+ 2] == UInt8(ascii: "'"), text[end &- 1] == 0x20
        else { return false }
        let tag = digit &+ 3
        for k in tag..<end &- 1 where text[k] <= 0x20 { return false }
        for k in tag..<end &- 1 { columns.addTag(text[k]) }
        label = isNegative ? -1 : 1
        return true
    }

    private mutating func readTokens(
        _ text: TextPointer, _ lineStart: Int, _ end: Int, into columns: inout ParsedColumns
    ) {
        // Text up to a first tab is not looked at.
        var start = lineStart
        while start < end && text[start] != 0x09 { start &+= 1 }
        start = start < end ? start &+ 1 : lineStart
        var numbers: (Float, Float, Float) = (0, 0, 0)
        var count = 0
        var at = start
        while true {
            while at < end && text[at] == 0x20 { at &+= 1 }
            guard at < end else { break }
            let tokenStart = at
            while at < end && text[at] != 0x20 { at &+= 1 }
            if isTag(text, tokenStart, at, end) {
                for k in (text[tokenStart] == UInt8(ascii: "'") ? tokenStart &+ 1 : tokenStart)..<at {
                    columns.addTag(text[k])
                }
                break
            }
            let number = read(text, tokenStart, at, into: &columns)
            switch count {
            case 0: numbers.0 = number
            case 1: numbers.1 = number
            default: numbers.2 = number
            }
            count += 1
        }
        guard count <= 3 else {
            return columns.warn("Error: \(count) is too many tokens for a simple label")
        }
        if count > 0 { label = numbers.0 }
        if count > 1 { importance = numbers.1 }
        if count > 2 { initial = numbers.2 }
        if !(importance >= 0) {
            columns.warn(
                "Example has an invalid importance weight (\(shortest(importance))); importance weights must be non-negative. "
                    + "Use 0 to hold an example out of training.")
        }
    }

    /// The last token is a tag if it touches the bar or begins with a quote.
    private func isTag(_ text: TextPointer, _ start: Int, _ tokenEnd: Int, _ end: Int) -> Bool {
        if tokenEnd == end { return true }
        guard text[start] == UInt8(ascii: "'") else { return false }
        return (tokenEnd..<end).allSatisfy { text[$0] == 0x20 }
    }

    private func read(_ text: TextPointer, _ start: Int, _ tokenEnd: Int, into columns: inout ParsedColumns) -> Float {
        // A colon ends a number.
        let end = (start..<tokenEnd).first { text[$0] == UInt8(ascii: ":") } ?? tokenEnd
        switch parseDecimal(text, start, end) {
        case .number(let number): return number
        case .infinite: return text[start] == UInt8(ascii: "-") ? -.infinity : .infinity
        case .notANumber, .text:
            let token = String(decoding: (start..<end).map { text[$0] }, as: UTF8.self)
            columns.warn("'\(token)' is not a good float, replacing with 0")
            return 0
        }
    }
}
