internal import HTTP2

/// Reading the request.
extension Exchange {
    package var method: Method { headers.method }

    /// The path without query, as text. Allocates.
    package var path: String { withPath { $0.text } }

    /// The path with its query, as the peer sent it. Allocates.
    package var target: String { headers.withPath { $0.text } }

    /// Runs `body` with the path's bytes, without query.
    package func withPath<Result>(_ body: (RawSpan) -> Result) -> Result {
        headers.withPath { target in body(target.extracting(0..<Exchange.queryStart(target))) }
    }

    /// A header field's value as text; the name in lower case. Allocates.
    package func header(_ name: StaticString) -> String? { headers.value(name) }

    /// A header field's value as a whole number without sign. Allocates nothing.
    package func integerHeader(_ name: StaticString) -> Int? { headers.integer(name) }

    /// The part of the path captured by `{name}`, percent-decoded. Allocates.
    /// - Precondition: the route's pattern has that capture.
    package func part(_ name: String) -> String {
        guard let position = match?.route.route.pattern.captureNames.firstIndex(of: name) else {
            preconditionFailure("the route's path has no part of this name")
        }
        return withPart(position) { PercentCoding.decode($0) }
    }

    /// Runs `body` with the bytes of the path's n-th captured part, as the peer wrote them.
    package func withPart<Result>(_ position: Int, _ body: (RawSpan) -> Result) -> Result {
        guard let match, position < match.route.route.pattern.captureNames.count else {
            preconditionFailure("the route's path has no part at this position")
        }
        let range = match.captures[position]
        return headers.withPath { body($0.extracting(Int(range.lowerBound)..<Int(range.upperBound))) }
    }

    /// The first value of a query parameter, percent-decoded; "" when it has none. Allocates.
    package func query(_ name: String) -> String? {
        headers.withPath { target -> String? in
            let start = Exchange.queryStart(target)
            guard start < target.byteCount else { return nil }
            let query = target.extracting((start + 1)..<target.byteCount).text
            for pair in query.split(separator: "&") {
                let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard PercentCoding.decode(String(halves[0])) == name else { continue }
                return halves.count == 2 ? PercentCoding.decode(String(halves[1])) : ""
            }
            return nil
        }
    }

    private static func queryStart(_ target: RawSpan) -> Int {
        for position in 0..<target.byteCount where target.byte(at: position) == UInt8(ascii: "?") { return position }
        return target.byteCount
    }
}

/// `%41` means `A` (RFC 3986 2.1). What is not an escape stays as it is.
enum PercentCoding {
    static func decode(_ bytes: RawSpan) -> String { decode(bytes.text) }

    static func decode(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        var result: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, digits.allSatisfy(isHexadecimal),
                let value = UInt8(Substring(digits), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
