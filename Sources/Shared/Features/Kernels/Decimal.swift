internal import CKernels

/// What the text after a colon is.
package enum DecimalValue {
    case number(Float)
    case notANumber
    case infinite
    /// Not a number: VW hashes such a value as text.
    case text
}

/// Reads a decimal number: sign, digits, point, exponent, nothing else.
///
/// Up to 15 digits and a power of ten up to 22 make one correctly rounded double, then a Float; anything longer goes
/// through the standard library.
package func parseDecimal(_ text: TextPointer, _ start: Int, _ end: Int) -> DecimalValue {
    var at = start
    var negative = false
    if at < end && (text[at] == UInt8(ascii: "-") || text[at] == UInt8(ascii: "+")) {
        negative = text[at] == UInt8(ascii: "-")
        at &+= 1
    }
    var mantissa: UInt64 = 0
    var digitCount = 0
    var exponent = 0
    let digitsStart = at
    while at < end, case let digit = text[at] &- 0x30, digit < 10 {
        mantissa = mantissa &* 10 &+ UInt64(digit)
        at &+= 1
    }
    digitCount = at &- digitsStart
    if at < end && text[at] == UInt8(ascii: ".") {
        at &+= 1
        let fractionStart = at
        while at < end, case let digit = text[at] &- 0x30, digit < 10 {
            mantissa = mantissa &* 10 &+ UInt64(digit)
            at &+= 1
        }
        exponent = fractionStart &- at
        digitCount &+= at &- fractionStart
    }
    guard digitCount > 0 else { return wordValue(text, start, end) }
    if at < end && (text[at] | 0x20) == UInt8(ascii: "e") {
        at &+= 1
        var sign = 1
        if at < end && (text[at] == UInt8(ascii: "-") || text[at] == UInt8(ascii: "+")) {
            sign = text[at] == UInt8(ascii: "-") ? -1 : 1
            at &+= 1
        }
        var power = 0
        let powerStart = at
        while at < end, case let digit = text[at] &- 0x30, digit < 10 {
            power = min(power &* 10 &+ Int(digit), 100_000)
            at &+= 1
        }
        guard at > powerStart else { return .text }
        exponent &+= sign &* power
    }
    guard at == end else { return .text }
    guard digitCount <= 15, (-22...22).contains(exponent) else { return longDecimal(text, start, end) }
    let power = sluice_power_of_ten(Int32(truncatingIfNeeded: exponent.magnitude))
    let magnitude = exponent < 0 ? Double(mantissa) / power : Double(mantissa) * power
    return .number(Float(negative ? -magnitude : magnitude))
}

/// Reads a number where nothing else may stand: NaN and infinity, too, which only transforms take.
///
/// - Returns: nil for text.
@inline(__always)
func parseNumber(_ text: TextPointer, _ start: Int, _ end: Int) -> Float? {
    // One digit, as most counts and flags have.
    if end &- start == 1, case let digit = text[start] &- 0x30, digit < 10 { return Float(digit) }
    return switch parseDecimal(text, start, end) {
    case .number(let number): number
    case .notANumber: .nan
    case .infinite: text[start] == UInt8(ascii: "-") ? -.infinity : .infinity
    case .text: nil
    }
}

/// NaN and infinity by name, as C reads them; any other word is text.
private func wordValue(_ text: TextPointer, _ start: Int, _ end: Int) -> DecimalValue {
    guard end &- start <= 9 else { return .text }
    switch string(text, start, end).lowercased() {
    case "nan", "+nan", "-nan": return .notANumber
    case "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity": return .infinite
    default: return .text
    }
}

private func longDecimal(_ text: TextPointer, _ start: Int, _ end: Int) -> DecimalValue {
    guard let value = Float(string(text, start, end)) else { return .text }
    return value.isFinite ? .number(value) : .infinite
}

private func string(_ text: TextPointer, _ start: Int, _ end: Int) -> String {
    String(decoding: (start..<end).map { text[$0] }, as: UTF8.self)
}
