internal import Domain

/// Bytes between two delimiters of libsvm's and libffm's lines.
struct Token {
    var start: Int
    /// Its delimiter.
    var end: Int
    /// A comment began in it: the line's rest is none of the grammar's.
    private var isLast = false

    /// The first of a line; blanks before it are skipped.
    @inline(__always)
    init(_ text: TextPointer, _ lineStart: Int, _ cursor: inout DelimiterCursor) {
        start = lineStart
        end = cursor.next()
        skipBlanks(text, &cursor)
    }

    /// Goes on to the next token, or to the line feed.
    @inline(__always)
    mutating func advance(_ text: TextPointer, _ cursor: inout DelimiterCursor) {
        if isLast || text[end] == UInt8(ascii: "\n") {
            start = end
            return
        }
        start = end &+ 1
        end = cursor.next()
        skipBlanks(text, &cursor)
    }

    @inline(__always)
    private mutating func skipBlanks(_ text: TextPointer, _ cursor: inout DelimiterCursor) {
        while end == start && text[end] <= 0x20 && text[end] != UInt8(ascii: "\n") {
            start = end &+ 1
            end = cursor.next()
        }
    }

    /// Whether nothing more is in the line: its end, or a comment.
    @inline(__always)
    func isEndOfLine(_ text: TextPointer) -> Bool {
        isLast || text[start] == UInt8(ascii: "\n") || text[start] == UInt8(ascii: "#")
    }

    /// Whether it is a whole number: digits, one at least.
    @inline(__always)
    func isAllDigits(_ text: TextPointer) -> Bool {
        let count = end &- start
        guard count > 0 else { return false }
        guard count <= 8 else { return (start..<end).allSatisfy { text[$0] &- 0x30 < 10 } }
        // Bytes minus '0', those behind the token shifted out.
        let shift = 64 &- 8 &* UInt64(truncatingIfNeeded: count)
        let digits = (text.word64(start) ^ 0x3030_3030_3030_3030) &<< shift
        return ((digits &+ (0x7676_7676_7676_7676 &<< shift)) | digits) & 0x8080_8080_8080_8080 == 0
    }

    /// Why a token that is not all digits is no index.
    func whyNoIndex(_ text: TextPointer) -> LineError.Reason {
        end &- start == 3 && text.isEqual("qid", at: start) ? .queryID : .indexNotDigits
    }

    /// Reads the number behind the colon that the token ends with, and becomes that number.
    @inline(__always)
    mutating func readValue(
        _ value: inout Float, _ text: TextPointer, _ cursor: inout DelimiterCursor
    ) -> LineFailure? {
        start = end &+ 1
        end = cursor.next()
        guard let number = parseNumber(text, start, end) else { return readCommented(&value, text) }
        value = number
        // Behind a number stands a blank or the line feed.
        guard text[end] <= 0x20 else {
            return LineFailure(
                position: end, reason: text[end] == UInt8(ascii: ":") ? .secondColon : .valueNotNumeric)
        }
        return nil
    }

    /// A value that a comment touches; rare.
    private mutating func readCommented(_ value: inout Float, _ text: TextPointer) -> LineFailure? {
        let end = endAtComment(text) ?? end
        guard start < end else { return LineFailure(position: start, reason: .valueMissing) }
        guard isLast, let number = parseNumber(text, start, end) else {
            return LineFailure(position: start, reason: .valueNotNumeric)
        }
        value = number
        return nil
    }

    /// Where a comment begins in the token, which is then the line's last; nil where none does.
    mutating func endAtComment(_ text: TextPointer) -> Int? {
        let comment = (start..<end).first { text[$0] == UInt8(ascii: "#") }
        isLast = comment != nil
        return comment
    }
}

extension ExampleLabel {
    /// Reads a line's first token, the label; to score it may be missing, and is ignored.
    @inline(__always)
    mutating func readFirst(
        _ token: inout Token, _ text: TextPointer, _ cursor: inout DelimiterCursor, _ purpose: ExampleParser.Purpose
    ) -> LineFailure? {
        let isMissing = text[token.end] == UInt8(ascii: ":")
        if purpose == .training {
            if isMissing { return LineFailure(position: token.start, reason: .noLabel) }
            if let failure = readLabel(text, token.start, token.end) {
                guard let end = token.endAtComment(text) else { return failure }
                if let failure = readLabel(text, token.start, end) { return failure }
            }
        }
        if !isMissing { token.advance(text, &cursor) }
        return nil
    }
}
