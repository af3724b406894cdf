internal import CNghttp2

/// Header fields that are not static: gathered into one piece of memory for the length of one call.
struct NameValueList {
    private var bytes: [UInt8] = []
    private var fields: [(nameByteCount: Int, valueByteCount: Int)] = []

    init(_ pairs: [(String, String)]) {
        for (name, value) in pairs {
            bytes.append(contentsOf: name.lowercased().utf8)
            bytes.append(contentsOf: value.utf8)
            fields.append((name.lowercased().utf8.count, value.utf8.count))
        }
    }

    /// The library copies names and values before the call returns.
    func withFields<Result>(_ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> Result) -> Result {
        var storage = bytes
        return unsafe storage.withUnsafeMutableBufferPointer { storage in
            unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.count) { list in
                var start = 0
                for (position, field) in fields.enumerated() {
                    let name = unsafe storage.baseAddress.map { unsafe $0 + start }
                    let value = unsafe name.map { unsafe $0 + field.nameByteCount }
                    unsafe list.initializeElement(
                        at: position,
                        to: nghttp2_nv(
                            name: name, value: value, namelen: field.nameByteCount, valuelen: field.valueByteCount,
                            flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                    start += field.nameByteCount + field.valueByteCount
                }
                return unsafe body(list)
            }
        }
    }
}

extension nghttp2_nv {
    /// A field of two static texts, which the library need not copy: they outlive every session.
    static func shared(_ name: StaticString, _ value: StaticString) -> nghttp2_nv {
        let flags = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
        return unsafe nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.utf8Start),
            value: UnsafeMutablePointer(mutating: value.utf8Start),
            namelen: name.utf8CodeUnitCount, valuelen: value.utf8CodeUnitCount, flags: UInt8(flags))
    }

    /// A field of a static name and a value which the library copies before the call returns.
    static func copied(_ name: StaticString, _ value: UnsafeMutableBufferPointer<UInt8>) -> nghttp2_nv {
        unsafe nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.utf8Start), value: value.baseAddress,
            namelen: name.utf8CodeUnitCount, valuelen: value.count,
            flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue))
    }
}

/// A header field whose value is a whole number: sent without allocating.
package struct NumberField: Sendable {
    let name: StaticString
    let value: Int

    /// - Parameters:
    ///   - name: in lower case.
    ///   - value: not below 0.
    package init(_ name: StaticString, _ value: Int) {
        precondition(value >= 0, "a header's number has no sign")
        self.name = name
        self.value = value
    }

    /// The field as text. Allocates.
    package var pair: (String, String) { (name.description, String(value)) }

    /// Runs `body` with a number's decimal digits.
    static func withDigits<Result>(
        _ value: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) -> Result
    ) -> Result {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var first = 20
            var rest = value
            repeat {
                first -= 1
                unsafe digits.initializeElement(at: first, to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
                rest /= 10
            } while rest > 0
            return unsafe body(UnsafeMutableBufferPointer(rebasing: digits[first...]))
        }
    }
}

/// The digits of the statuses this project answers with, as static bytes.
struct StatusText {
    let text: StaticString

    init?(_ status: Int) {
        switch status {
        case 200: text = "200"
        case 201: text = "201"
        case 202: text = "202"
        case 204: text = "204"
        case 400: text = "400"
        case 401: text = "401"
        case 403: text = "403"
        case 404: text = "404"
        case 405: text = "405"
        case 409: text = "409"
        case 413: text = "413"
        case 429: text = "429"
        case 500: text = "500"
        case 503: text = "503"
        default: return nil
        }
    }
}
