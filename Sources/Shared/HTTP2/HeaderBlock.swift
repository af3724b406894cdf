internal import Domain

/// The methods this project answers; everything else is `other`, answered with 405.
package enum Method: Equatable, Sendable {
    case get, post, put, delete, head, other

    init(bytes: UnsafeRawBufferPointer) {
        let span = unsafe RawSpan(_unsafeBytes: bytes)
        self = Method(span)
    }

    package init(_ bytes: RawSpan) {
        if bytes.equals("POST") {
            self = .post
        } else if bytes.equals("GET") {
            self = .get
        } else if bytes.equals("PUT") {
            self = .put
        } else if bytes.equals("DELETE") {
            self = .delete
        } else if bytes.equals("HEAD") {
            self = .head
        } else {
            self = .other
        }
    }

    package var name: StaticString {
        switch self {
        case .get: "GET"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .head: "HEAD"
        case .other: "OTHER"
        }
    }
}

/// One message's header fields, copied out of the library into memory that is used again for the next message.
///
/// Lookups compare bytes and allocate nothing, except those which return a `String`. Names arrive in lower case.
/// Run-time exclusivity checks are off: no method calls out while it changes a property.
@safe package final class HeaderBlock {
    @safe @exclusivity(unchecked) package private(set) var method = Method.other
    /// 0 until a `:status` was read.
    @safe @exclusivity(unchecked) package private(set) var status = 0
    /// −1 when the message does not announce its length.
    @safe @exclusivity(unchecked) package private(set) var contentLength = -1
    /// Fields, pseudo fields among them.
    @safe @exclusivity(unchecked) package private(set) var fieldCount = 0
    /// Whether a field was left out since the list passed its limits.
    @safe @exclusivity(unchecked) package private(set) var isOverflown = false

    /// `name + value + 32` summed over all fields, counted also when they are no longer stored.
    @safe @exclusivity(unchecked) private var listByteCount = 0
    @safe @exclusivity(unchecked) private var pathField = -1
    /// Filled bytes of `storage`; never more than `capacity`.
    @safe @exclusivity(unchecked) private var usedByteCount = 0
    @safe @exclusivity(unchecked) private var capacity = 1024
    @safe @exclusivity(unchecked) private var storage: UnsafeMutableRawPointer
    private let fields: UnsafeMutablePointer<Field>

    /// Positions inside `storage`; 16 bits are enough since a list stays below 16 KiB.
    private struct Field {
        var nameStart: UInt16
        var nameByteCount: UInt16
        var valueStart: UInt16
        var valueByteCount: UInt16
    }

    package init() {
        storage = .allocate(byteCount: capacity, alignment: 1)
        unsafe fields = .allocate(capacity: Limits.HTTP.headerFieldCountMax)
    }

    deinit {
        unsafe storage.deallocate()
        unsafe fields.deallocate()
    }

    /// Forgets the message and keeps the memory.
    package func reset() {
        method = .other
        status = 0
        contentLength = -1
        fieldCount = 0
        isOverflown = false
        listByteCount = 0
        pathField = -1
        usedByteCount = 0
    }

    /// Adds a field. - Returns: false when the list passes its limits; the field is then left out.
    package func append(name: String, value: String) -> Bool {
        unsafe Array(name.utf8).withUnsafeBytes { name in
            unsafe Array(value.utf8).withUnsafeBytes { value in unsafe append(name: name, value: value) }
        }
    }

    func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        listByteCount += name.count + value.count + 32
        guard
            !isOverflown, listByteCount <= Limits.HTTP.headerListByteCountMax,
            fieldCount < Limits.HTTP.headerFieldCountMax
        else {
            isOverflown = true
            return false
        }
        reserve(name.count + value.count)
        let nameStart = usedByteCount
        if let from = name.baseAddress { unsafe (storage + nameStart).copyMemory(from: from, byteCount: name.count) }
        let valueStart = nameStart + name.count
        if let from = value.baseAddress { unsafe (storage + valueStart).copyMemory(from: from, byteCount: value.count) }
        usedByteCount = valueStart + value.count
        unsafe fields[fieldCount] = Field(
            nameStart: UInt16(truncatingIfNeeded: nameStart), nameByteCount: UInt16(truncatingIfNeeded: name.count),
            valueStart: UInt16(truncatingIfNeeded: valueStart), valueByteCount: UInt16(truncatingIfNeeded: value.count))
        fieldCount += 1
        note(name: unsafe RawSpan(_unsafeBytes: name), value: unsafe RawSpan(_unsafeBytes: value))
        return true
    }

    /// Remembers the few fields every message is asked for.
    private func note(name: RawSpan, value: RawSpan) {
        switch name.byteCount {
        case 5 where name.equals(":path"): pathField = fieldCount - 1
        case 7 where name.equals(":method"): method = Method(value)
        case 7 where name.equals(":status"): status = HeaderBlock.decimal(value) ?? 0
        case 14 where name.equals("content-length"): contentLength = HeaderBlock.decimal(value) ?? -1
        default: break
        }
    }

    private func reserve(_ byteCount: Int) {
        guard usedByteCount + byteCount > capacity else { return }
        let grown = max(capacity * 2, usedByteCount + byteCount)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 1)
        unsafe larger.copyMemory(from: storage, byteCount: usedByteCount)
        unsafe storage.deallocate()
        unsafe storage = larger
        capacity = grown
    }

    /// Digits only, at most 18 of them.
    private static func decimal(_ bytes: RawSpan) -> Int? {
        guard bytes.byteCount > 0, bytes.byteCount <= 18 else { return nil }
        var result = 0
        for position in 0..<bytes.byteCount {
            let digit = bytes.byte(at: position) &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            result = result * 10 + Int(digit)
        }
        return result
    }
}

extension HeaderBlock {
    /// Where a field of this lower-case name stands, or nil. Later fields of the same name are not seen.
    package func position(of name: StaticString) -> Int? {
        for position in 0..<fieldCount where withName(at: position, { $0.equals(name) }) { return position }
        return nil
    }

    /// Runs `body` with a field's name.
    package func withName<Result>(at position: Int, _ body: (RawSpan) -> Result) -> Result {
        precondition(position < fieldCount, "a header position lies outside its block")
        let field = unsafe fields[position]
        return unsafe body(bytes(field.nameStart, field.nameByteCount).bytes)
    }

    /// Runs `body` with a field's value.
    package func withValue<Result>(at position: Int, _ body: (RawSpan) -> Result) -> Result {
        precondition(position < fieldCount, "a header position lies outside its block")
        let field = unsafe fields[position]
        return unsafe body(bytes(field.valueStart, field.valueByteCount).bytes)
    }

    /// Runs `body` with the path and query, empty when there is none.
    package func withPath<Result>(_ body: (RawSpan) -> Result) -> Result {
        guard pathField >= 0 else { return body(RawSpan()) }
        return withValue(at: pathField, body)
    }

    /// A field's value as text. Allocates.
    package func value(_ name: StaticString) -> String? {
        position(of: name).map { withValue(at: $0) { $0.text } }
    }

    /// A field's value as a whole number without sign; nil when absent or anything else. Allocates nothing.
    package func integer(_ name: StaticString) -> Int? {
        position(of: name).flatMap { withValue(at: $0) { HeaderBlock.decimal($0) } }
    }

    /// Name and value of every ordinary field. Allocates.
    package var pairs: [(String, String)] {
        (0..<fieldCount).compactMap { position in
            let name = withName(at: position) { $0.text }
            return name.hasPrefix(":") ? nil : (name, withValue(at: position) { $0.text })
        }
    }

    private func bytes(_ start: UInt16, _ byteCount: UInt16) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: storage + Int(start), count: Int(byteCount))
    }
}
