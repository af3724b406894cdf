internal import Domain
internal import Testing

@Suite("Identifiers are written as 16 hexadecimal digits and read back")
struct IdentifierTests {
    @Test("leading zeros are kept", arguments: [0, 1, 0x0123_4567_89AB_CDEF, UInt64.max])
    func roundTrip(rawValue: UInt64) {
        #expect(History(rawValue).description.utf8.count == 16)
        #expect(History(hex: History(rawValue).description) == History(rawValue))
        #expect(Fingerprint(hex: Fingerprint(rawValue).description) == Fingerprint(rawValue))
    }

    @Test("the digits are lower case, either case is read")
    func letterCase() {
        #expect(History(0xFEDC_BA98_7654_3210).description == "fedcba9876543210")
        #expect(History(hex: "FEDCBA9876543210") == History(0xFEDC_BA98_7654_3210))
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "0", "0123456789abcde", "0123456789abcdef0", "+123456789abcdef", "-000000000000000", " 123456789abcdef",
            "0x23456789abcdef", "0123456789abcdeg", "０１２３", "0123456789abcd\u{e9}",
        ])
    func refused(text: String) {
        #expect(History(hex: text) == nil)
        #expect(Fingerprint(hex: text) == nil)
    }
}

@Suite("Versions are ordered as positions in a log")
struct VersionTests {
    @Test("a later position is greater")
    func order() {
        #expect(Version(1) < Version(2))
        #expect(!(Version(2) < Version(2)))
        #expect(Version(.max) > Version(0))
        #expect(Version(1512).description == "1512")
    }
}
