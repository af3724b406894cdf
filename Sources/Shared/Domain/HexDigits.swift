extension FixedWidthInteger where Self: UnsignedInteger {
    /// All digits of the number, base 16, lower case, leading zeros kept: 16 for a `UInt64`.
    package var hexDigits: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Self.bitWidth / 4 - digits.utf8.count) + digits
    }

    /// Reads exactly as many digits as `hexDigits` writes, in either case; no sign, prefix or space.
    package init?(hexDigits: some StringProtocol) {
        // The count alone would let a sign through, which the standard parser accepts.
        guard hexDigits.utf8.count == Self.bitWidth / 4, hexDigits.allSatisfy(\.isHexDigit) else { return nil }
        self.init(hexDigits, radix: 16)
    }
}
