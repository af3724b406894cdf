internal import Glibc

/// A number with that many digits behind the point, as C's `%.Nf` writes it.
func fixed(_ value: Double, _ digits: Int) -> String { printed("%.\(digits)f", value) }

/// A number with that many significant digits at most, as C's `%.Ng` writes it: what C++ streams write by default.
func shortest(_ value: Float, digits: Int = 6) -> String { printed("%.\(digits)g", Double(value)) }

/// As above.
func shortest(_ value: Double, digits: Int = 6) -> String { printed("%.\(digits)g", value) }

/// - Parameter format: of one double, from this file.
private func printed(_ format: String, _ value: Double) -> String {
    // The longest is a double's largest power of ten with digits behind it.
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
        let count = unsafe withVaList([value]) { unsafe vsnprintf(buffer.baseAddress!, buffer.count, format, $0) }
        return unsafe String(
            decoding: UnsafeRawBufferPointer(buffer)[..<min(Int(count), buffer.count - 1)], as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends a prediction as Vowpal Wabbit's prediction files have it: whole numbers without a point, others with
    /// six digits.
    ///
    /// A Float times 10^6 is exact in double, so that the digits are those of `%f`.
    mutating func append(prediction: Float) {
        let scaled = Double(prediction) * 1e6
        guard scaled.magnitude < 1e15 else {
            append(contentsOf: fixed(Double(prediction), prediction == prediction.rounded(.down) ? 0 : 6).utf8)
            return
        }
        if prediction.sign == .minus { append(UInt8(ascii: "-")) }
        var rest = UInt64(scaled.magnitude.rounded(.toNearestOrEven))
        var digits: (UInt64, count: Int) = (0, 0)
        let isWhole = prediction == prediction.rounded(.down)
        let whole = rest / 1_000_000
        rest %= 1_000_000
        append(contentsOf: String(whole).utf8)
        guard !isWhole else { return }
        append(UInt8(ascii: "."))
        digits = (100_000, 6)
        while digits.count > 0 {
            append(UInt8(0x30 + rest / digits.0 % 10))
            digits = (digits.0 / 10, digits.count - 1)
        }
    }
}
