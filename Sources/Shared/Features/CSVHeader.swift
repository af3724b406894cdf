internal import Domain

/// Why a body or a file cannot be read at all.
package struct HeaderError: Error, Equatable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}

extension CSVGrammar {
    /// Finds the columns of a mapping in a header.
    ///
    /// - Parameter names: of the header's columns.
    init(
        _ names: [[UInt8]], _ mapping: Columns, _ hashing: ModelSpec.Hashing, _ maker: ExampleMaker,
        purpose: ExampleParser.Purpose
    ) throws(HeaderError) {
        var roles: [[UInt8]: Column] = [:]
        for name in mapping.numbers {
            let namespace = hashing.hash(ofNamespace: name)
            roles[Array(name.utf8)] = Column(
                role: .number(hashing.hash(name, in: namespace)), byte: Array(name.utf8)[0],
                isLookedAt: maker.looksAt(namespace: namespace))
        }
        for name in mapping.categories {
            let namespace = hashing.hash(ofNamespace: name)
            roles[Array(name.utf8)] = Column(
                role: .category(namespace), byte: Array(name.utf8)[0],
                isLookedAt: maker.looksAt(namespace: namespace))
        }
        if purpose == .training {
            roles[Array(mapping.label.utf8)] = Column(role: .label)
            if let importance = mapping.importance { roles[Array(importance.utf8)] = Column(role: .importance) }
        }
        columns = names.map { roles[$0] ?? Column(role: .ignored) }
        var seen: Set<[UInt8]> = []
        for name in names where roles[name] != nil && !seen.insert(name).inserted {
            throw HeaderError("the header has the column '\(String(decoding: name, as: UTF8.self))' twice")
        }
        let missing = roles.keys.filter { !seen.contains($0) }.map { String(decoding: $0, as: UTF8.self) }
        guard missing.isEmpty else {
            let columns = missing.sorted().map { "'\($0)'" }.joined(separator: ", ")
            throw HeaderError("the header has no column \(columns), which the spec's 'columns' names")
        }
        self.purpose = purpose
    }
}

extension ByteWindow {
    /// The fields of its first line, and how many bytes that is; nil where the line has not ended.
    mutating func headerLine(endsText: Bool) throws(HeaderError) -> (names: [[UInt8]], byteCount: Int)? {
        guard byteCount > 0 else { return nil }
        guard let end = lineFeed(from: 0) ?? (endsText ? byteCount : nil) else {
            guard byteCount <= Limits.Features.lineByteCountMax else { throw HeaderError("the header has no end") }
            return nil
        }
        var header = ByteWindow(bytes[..<end] + [UInt8(ascii: "\n")])
        // A byte order mark is no part of a name.
        if header.bytes.starts(with: [0xEF, 0xBB, 0xBF]) { header.removeFirst(3) }
        let names = header.fields
        guard let names else { throw HeaderError("the header is not CSV: look for a quote that does not end") }
        return (names, min(end + 1, byteCount))
    }

    /// The fields of a line that is all of the window; nil for a line that is not CSV.
    private var fields: [[UInt8]]? {
        var delimiters: [UInt32] = []
        return withText { text in
            _ = delimiters.findDelimiters(CSVGrammar.self, text, from: 0, to: byteCount)
            return delimiters.withCursor { cursor in
                var names: [[UInt8]] = []
                var at = -1
                repeat {
                    var field = CSVField(at + 1)
                    guard field.find(text, &at, &cursor) == nil else { return nil }
                    names.append(field.bytes(text))
                } while text[at] != UInt8(ascii: "\n")
                return names
            }
        }
    }
}
