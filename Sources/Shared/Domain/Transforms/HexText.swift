extension Float {
    /// The number's exact bits, readable: C's `%a`, such as `0x1.8p+1` for 3. `Float(_:)` reads it back.
    package var hexText: String {
        let sign = self.sign == .minus ? "-" : ""
        guard isFinite else { return isNaN ? "nan" : sign + "inf" }
        guard self != 0 else { return sign + "0x0p+0" }
        // 23 bits and one more are six digits. A subnormal number has no leading one.
        var digits = String(significandBitPattern << 1, radix: 16)
        digits = String(repeating: "0", count: 6 - digits.count) + digits
        while digits.last == "0" { digits.removeLast() }
        let power = isSubnormal ? -126 : Int(exponent)
        return "\(sign)0x\(isSubnormal ? 0 : 1)\(digits.isEmpty ? "" : ".")\(digits)p\(power < 0 ? "" : "+")\(power)"
    }
}
