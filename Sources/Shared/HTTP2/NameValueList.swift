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
