internal import Domain

/// Reads JSON in order from bytes, without building a tree: the caller asks for what it expects.
///
/// Text that is not JSON is a problem that names the byte. Nothing is read twice, nothing allocated but strings.
struct JSONReader {
    private let bytes: [UInt8]
    private let end: Int
    private(set) var place: Int
    private var depth = 0

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        place = range.lowerBound
        end = range.upperBound
    }

    private func problem(_ what: String) -> InferProblem { InferProblem("the JSON is wrong at byte \(place): \(what)") }

    private mutating func peek() -> UInt8 {
        while place < end {
            let byte = bytes[place]
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
            place += 1
        }
        return 0
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte, place < end else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(InferProblem) {
        guard take(byte) else { throw problem("'\(Character(UnicodeScalar(byte)))' expected") }
    }

    /// Whether an object comes next.
    mutating func isAtObject() -> Bool { peek() == UInt8(ascii: "{") }

    /// Reads an object; `field` is called at each value with its key's bytes and reads it.
    mutating func object(
        _ field: (inout JSONReader, JSONKey) throws(InferProblem) -> Void
    ) throws(InferProblem) {
        try enter(UInt8(ascii: "{"))
        if !take(UInt8(ascii: "}")) {
            repeat {
                let key = JSONKey(bytes, try rawString())
                try expect(UInt8(ascii: ":"))
                try field(&self, key)
            } while take(UInt8(ascii: ","))
            try expect(UInt8(ascii: "}"))
        }
        depth -= 1
    }

    /// Reads an array; `element` is called at each element and reads it.
    mutating func array(_ element: (inout JSONReader) throws(InferProblem) -> Void) throws(InferProblem) {
        try enter(UInt8(ascii: "["))
        if !take(UInt8(ascii: "]")) {
            repeat { try element(&self) } while take(UInt8(ascii: ","))
            try expect(UInt8(ascii: "]"))
        }
        depth -= 1
    }

    /// Reads the elements of an array whose nesting does not matter, row by row.
    mutating func flatArray(_ element: (inout JSONReader) throws(InferProblem) -> Void) throws(InferProblem) {
        if peek() == UInt8(ascii: "[") {
            try array { (inner) throws(InferProblem) in try inner.flatArray(element) }
        } else {
            try element(&self)
        }
    }

    private mutating func enter(_ byte: UInt8) throws(InferProblem) {
        try expect(byte)
        depth += 1
        guard depth <= Limits.Predicting.nestingMax else { throw problem("nested too deeply") }
    }

    /// The range of a string between its quotes, escapes as they stand.
    mutating func rawString() throws(InferProblem) -> Range<Int> {
        try expect(UInt8(ascii: "\""))
        let start = place
        while place < end, bytes[place] != UInt8(ascii: "\"") {
            place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard place < end else { throw problem("a string without its end") }
        place += 1
        return start..<place - 1
    }

    mutating func string() throws(InferProblem) -> String {
        var text: [UInt8] = []
        try appendString(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends a string's UTF-8, escapes resolved.
    mutating func appendString(to text: inout [UInt8]) throws(InferProblem) {
        let range = try rawString()
        guard bytes[range].contains(UInt8(ascii: "\\")) else { return text.append(contentsOf: bytes[range]) }
        var at = range.lowerBound
        while at < range.upperBound {
            let byte = bytes[at]
            at += 1
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            let escape = bytes[at]
            at += 1
            switch escape {
            case UInt8(ascii: "n"): text.append(0x0a)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "r"): text.append(0x0d)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0c)
            case UInt8(ascii: "u"):
                var unit = try hexadecimal(&at, range)
                if (0xd800..<0xdc00).contains(unit), at + 1 < range.upperBound, bytes[at] == UInt8(ascii: "\\"),
                    bytes[at + 1] == UInt8(ascii: "u")
                {
                    var behind = at + 2
                    let low = try hexadecimal(&behind, range)
                    // Half a pair alone is replaced below; what follows it is read for itself.
                    if (0xdc00..<0xe000).contains(low) {
                        at = behind
                        unit = 0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)
                    }
                }
                text.append(contentsOf: String(UnicodeScalar(unit) ?? "\u{fffd}").utf8)
            default: text.append(escape)
            }
        }
    }

    private func hexadecimal(_ at: inout Int, _ range: Range<Int>) throws(InferProblem) -> UInt32 {
        // The standard parser would take a sign for a digit.
        guard at + 4 <= range.upperBound, bytes[at] != UInt8(ascii: "+"), bytes[at] != UInt8(ascii: "-"),
            let value = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw problem("\\u wants four hexadecimal digits") }
        at += 4
        return value
    }

    /// A whole number without fraction.
    mutating func integer() throws(InferProblem) -> Int {
        _ = peek()
        let start = place
        let negative = take(UInt8(ascii: "-"))
        var value = 0
        while place < end, case let digit = bytes[place] &- 0x30, digit < 10 {
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, exceeds) = product.addingReportingOverflow(Int(digit))
            guard !overflows && !exceeds else { throw problem("a number too large") }
            value = sum
            place += 1
        }
        guard place > start + (negative ? 1 : 0) else { throw problem("a whole number expected") }
        if place < end, bytes[place] == UInt8(ascii: ".") || bytes[place] | 0x20 == UInt8(ascii: "e") {
            // 3.0 and 3e0 are whole numbers too; JavaScript and numpy write them.
            place = start
            let number = try number()
            guard let whole = Int(exactly: number) else { throw problem("a whole number expected") }
            return whole
        }
        return negative ? -value : value
    }

    mutating func number() throws(InferProblem) -> Double {
        _ = peek()
        let start = place
        while place < end {
            switch bytes[place] {
            case 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
                UInt8(ascii: "E"):
                place += 1
                continue
            default: break
            }
            break
        }
        guard place > start, let value = Double(String(decoding: bytes[start..<place], as: UTF8.self)) else {
            throw problem("a number expected")
        }
        return value
    }

    mutating func boolean() throws(InferProblem) -> Bool {
        switch peek() {
        case UInt8(ascii: "t"):
            try word("true")
            return true
        case UInt8(ascii: "f"):
            try word("false")
            return false
        default: throw problem("true or false expected")
        }
    }

    private mutating func word(_ word: StaticString) throws(InferProblem) {
        for byte in word.description.utf8 {
            guard place < end, bytes[place] == byte else { throw problem("'\(word)' expected") }
            place += 1
        }
    }

    /// Steps over any value.
    mutating func skip() throws(InferProblem) {
        switch peek() {
        case UInt8(ascii: "{"): try object { (inner, _) throws(InferProblem) in try inner.skip() }
        case UInt8(ascii: "["): try array { (inner) throws(InferProblem) in try inner.skip() }
        case UInt8(ascii: "\""): _ = try rawString()
        case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try boolean()
        case UInt8(ascii: "n"): try word("null")
        default: _ = try number()
        }
    }

    /// Nothing but white space may follow.
    mutating func finish() throws(InferProblem) {
        _ = peek()
        guard place == end else { throw problem("text behind the end") }
    }
}

/// A key as it stands in the JSON.
struct JSONKey {
    private let bytes: [UInt8]
    private let range: Range<Int>

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    var text: String { String(decoding: bytes[range], as: UTF8.self) }

    static func ~= (name: StaticString, key: JSONKey) -> Bool {
        guard name.utf8CodeUnitCount == key.range.count else { return false }
        return name.description.utf8.elementsEqual(key.bytes[key.range])
    }
}
