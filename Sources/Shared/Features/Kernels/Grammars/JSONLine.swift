internal import Domain

/// A line of JSON while it is read: where the reader is, and the quotes, backslashes and control characters ahead of it.
///
/// Whatever it passes over that is a delimiter it takes from the cursor, so that both stay together.
struct JSONLine {
    let text: TextPointer
    var at: Int
    var cursor: DelimiterCursor
    /// What the cursor gave last; −1 before the first.
    private var last = -1

    /// A string between its quotes.
    struct Name {
        var start: Int
        /// Of bytes as they are written.
        var count: Int
        var isEscaped: Bool
    }

    enum Value {
        case number(Float)
        case text(Name)
        case isTrue
        /// `false` or `null`.
        case absent
    }

    enum Outcome<Success> {
        case success(Success)
        case failure(LineFailure)
    }

    enum Key {
        case key(Name)
        case end
        case failure(LineFailure)
    }

    enum Item {
        case item
        case end
        case failure(LineFailure)
    }

    @inline(__always)
    init(_ text: TextPointer, _ start: Int, _ cursor: DelimiterCursor) {
        (self.text, at, self.cursor) = (text, start, cursor)
    }

    @inline(__always)
    var byte: UInt8 { text[at] }

    func failure(_ reason: LineError.Reason) -> LineFailure { LineFailure(position: at, reason: reason) }

    /// Skips what is left; the position behind the line feed.
    mutating func endOfLine() -> Int {
        while last < 0 || text[last] != UInt8(ascii: "\n") { last = cursor.next() }
        return last &+ 1
    }

    @inline(__always)
    mutating func skipSpace() {
        while byte <= 0x20 {
            if byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r") {
                last = cursor.next()
            } else if byte != UInt8(ascii: " ") {
                return
            }
            at &+= 1
        }
    }

    /// Takes one byte of punctuation if it is next.
    @inline(__always)
    mutating func take(_ wanted: UInt8) -> Bool {
        guard byte == wanted else { return false }
        at &+= 1
        return true
    }

    mutating func takeWord(_ word: StaticString) -> Bool {
        guard text.isEqual(word, at: at) else { return false }
        at &+= word.utf8CodeUnitCount
        return true
    }

    /// Goes to the next item of an object or a list, or behind its end.
    @inline(__always)
    mutating func nextItem(_ isFirst: inout Bool, closing: UInt8) -> Item {
        skipSpace()
        if take(closing) { return .end }
        if isFirst {
            isFirst = false
        } else {
            guard take(UInt8(ascii: ",")) else { return .failure(failure(.jsonComma)) }
            skipSpace()
        }
        return .item
    }

    /// Goes to the next value of an object, or behind the object's end.
    @inline(__always)
    mutating func nextKey(_ isFirst: inout Bool, closing: UInt8) -> Key {
        switch nextItem(&isFirst, closing: closing) {
        case .end: return .end
        case .failure(let failure): return .failure(failure)
        case .item: break
        }
        guard byte == UInt8(ascii: "\"") else { return .failure(failure(.jsonKey)) }
        switch string() {
        case .failure(let failure): return .failure(failure)
        case .success(let name):
            skipSpace()
            guard take(UInt8(ascii: ":")) else { return .failure(failure(.jsonColon)) }
            skipSpace()
            return .key(name)
        }
    }

    /// Reads the string whose opening quote is next.
    @inline(__always)
    private mutating func string() -> Outcome<Name> {
        last = cursor.next()
        let start = at &+ 1
        last = cursor.next()
        if text[last] == UInt8(ascii: "\"") {
            at = last &+ 1
            return .success(Name(start: start, count: last &- start, isEscaped: false))
        }
        return longString(start)
    }

    private mutating func longString(_ start: Int) -> Outcome<Name> {
        while true {
            switch text[last] {
            case UInt8(ascii: "\""):
                at = last &+ 1
                return .success(Name(start: start, count: last &- start, isEscaped: true))
            case UInt8(ascii: "\\"):
                // What is escaped may itself be a delimiter, but never the end of the line.
                let escaped = last &+ 1
                if text[escaped] == UInt8(ascii: "\"") || text[escaped] == UInt8(ascii: "\\") { last = cursor.next() }
                last = cursor.next()
            case UInt8(ascii: "\n"):
                return .failure(LineFailure(position: start &- 1, reason: .jsonOpenString))
            default: return .failure(LineFailure(position: last, reason: .jsonControl))
            }
        }
    }

    /// Runs `body` over a string's bytes, escapes undone.
    @inline(__always)
    func withBytes(_ name: Name, _ body: (TextPointer, Int) -> Void) -> LineFailure? {
        guard name.isEscaped else {
            body(text.advanced(name.start), name.count)
            return nil
        }
        switch unescaped(name) {
        case .failure(let failure): return failure
        case .success(let bytes):
            ByteWindow(bytes).withText { body($0, bytes.count) }
            return nil
        }
    }

    /// Reads a value that is neither an object nor a list.
    @inline(__always)
    mutating func value() -> Outcome<Value> {
        switch byte {
        case UInt8(ascii: "\""):
            switch string() {
            case .success(let name): return .success(.text(name))
            case .failure(let failure): return .failure(failure)
            }
        case UInt8(ascii: "t") where takeWord("true"): return .success(.isTrue)
        case UInt8(ascii: "f") where takeWord("false"): return .success(.absent)
        case UInt8(ascii: "n") where takeWord("null"): return .success(.absent)
        default:
            let start = at
            guard skipNumber(), let number = parseNumber(text, start, at) else {
                return .failure(LineFailure(position: start, reason: .jsonScalar))
            }
            return .success(.number(number))
        }
    }

    /// Hands over the place of a number; `null` is none.
    mutating func number(_ body: (TextPointer, _ start: Int, _ end: Int) -> LineFailure?) -> LineFailure? {
        if takeWord("null") { return nil }
        let start = at
        guard skipNumber() else { return LineFailure(position: start, reason: .jsonScalar) }
        return body(text, start, at)
    }

    mutating func skipScalar() -> LineFailure? {
        if case .failure(let failure) = value() { return failure }
        return nil
    }

    /// Goes behind a number as JSON writes it.
    @inline(__always)
    private mutating func skipNumber() -> Bool {
        if byte == UInt8(ascii: "-") { at &+= 1 }
        let start = at
        guard skipDigits(), text[start] != UInt8(ascii: "0") || at == start &+ 1 else { return false }
        if take(UInt8(ascii: ".")) {
            guard skipDigits() else { return false }
        }
        if byte | 0x20 == UInt8(ascii: "e") {
            at &+= 1
            if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") { at &+= 1 }
            guard skipDigits() else { return false }
        }
        return true
    }

    @inline(__always)
    private mutating func skipDigits() -> Bool {
        let start = at
        while byte &- 0x30 < 10 { at &+= 1 }
        return at > start
    }
}

extension JSONLine {
    /// A string's bytes with its escapes undone.
    private func unescaped(_ name: Name) -> Outcome<[UInt8]> {
        var bytes: [UInt8] = []
        var at = name.start
        let end = name.start + name.count
        while at < end {
            guard text[at] == UInt8(ascii: "\\") else {
                bytes.append(text[at])
                at += 1
                continue
            }
            let failure = LineFailure(position: at, reason: .jsonEscape)
            let letter = text[at + 1]
            at += 2
            guard letter == UInt8(ascii: "u") else {
                guard let byte = Self.escapes[letter] else { return .failure(failure) }
                bytes.append(byte)
                continue
            }
            guard var code = hexadecimal(at, end) else { return .failure(failure) }
            at += 4
            // Two halves of a character beyond 16 bits.
            if (0xD800..<0xDC00).contains(code) {
                guard at + 1 < end, text[at] == UInt8(ascii: "\\"), text[at + 1] == UInt8(ascii: "u"),
                    let low = hexadecimal(at + 2, end), (0xDC00..<0xE000).contains(low)
                else { return .failure(failure) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                at += 6
            }
            guard let scalar = Unicode.Scalar(code) else { return .failure(failure) }
            bytes.append(contentsOf: String(Character(scalar)).utf8)
        }
        return .success(bytes)
    }

    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
        UInt8(ascii: "/"): UInt8(ascii: "/"), UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C,
        UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
    ]

    private func hexadecimal(_ at: Int, _ end: Int) -> UInt32? {
        guard at + 4 <= end else { return nil }
        var value: UInt32 = 0
        for k in at..<at + 4 {
            guard let digit = Character(Unicode.Scalar(text[k])).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
