internal import Features

extension LineParser {
    /// Parses the line that begins at `start`.
    ///
    /// - Parameter cursor: stands on the line's first delimiter; is left on the next line's.
    /// - Returns: where the next line begins.
    @inline(__always)
    mutating func parseLine(
        _ text: TextPointer, from lineStart: Int, _ cursor: inout DelimiterCursor, into columns: inout ParsedColumns
    ) -> Int {
        // A byte order mark.
        let hasMark = text[lineStart] == 0xEF && text[lineStart &+ 1] == 0xBB && text[lineStart &+ 2] == 0xBF
        let start = hasMark ? lineStart &+ 3 : lineStart
        var at = cursor.next()
        while text[at] != UInt8(ascii: "|") && text[at] != UInt8(ascii: "\n") { at = cursor.next() }
        var end = at
        if text[at] == UInt8(ascii: "\n") {
            if end > start && text[end &- 1] == UInt8(ascii: "\r") { end &-= 1 }
            // An empty line is no example.
            guard end > start else { return at &+ 1 }
        }
        let label = LineLabel(text, start, end, into: &columns)
        let firstBar = at
        while text[at] == UInt8(ascii: "|") {
            guard parseNamespace(text, &at, &cursor, lineStart: firstBar, into: &columns) else { break }
        }
        while text[at] != UInt8(ascii: "\n") { at = cursor.next() }
        columns.endExample(label)
        return at &+ 1
    }

    /// A namespace from its bar, at `at`, to the next bar or line feed.
    ///
    /// - Returns: false where the rest of the line cannot be read.
    @inline(__always)
    private mutating func parseNamespace(
        _ text: TextPointer, _ at: inout Int, _ cursor: inout DelimiterCursor, lineStart: Int,
        into columns: inout ParsedColumns
    ) -> Bool {
        let nameStart = at &+ 1
        at = cursor.next()
        let nameCount = at &- nameStart
        let namespace = nameCount == 0 ? unnamedNamespace : namespaceHash(text.advanced(nameStart), nameCount)
        let byte = nameCount == 0 ? 0x20 : text[nameStart]
        var weight: Float = 1
        if text[at] == UInt8(ascii: ":") {
            guard nameCount > 0 else { return malformed(text, lineStart, at, "'|',String,space, or EOL", &columns) }
            let weightStart = at &+ 1
            at = cursor.next()
            switch parseDecimal(text, weightStart, at) {
            case .number(let number): weight = number
            case .infinite: weight = text[weightStart] == UInt8(ascii: "-") ? -.infinity : .infinity
            case .notANumber:
                columns.warn("Invalid namespace value read as NaN. Replacing with 1.")
            case .text: return malformed(text, lineStart, weightStart, "'|',space, or EOL", &columns)
            }
        }
        let first = columns.featureCount
        let base = keepsNames ? string(text, nameStart, nameStart &+ nameCount) : ""
        var isGood = true
        var unnamedCount: UInt32 = 0
        while text[at] == 0x20 || text[at] == 0x09 {
            let featureStart = at &+ 1
            at = cursor.next()
            if text[at] == UInt8(ascii: ":") {
                isGood = parseValue(
                    text, featureStart, &at, &cursor, namespace, byte, weight, &unnamedCount, base, lineStart,
                    into: &columns)
                if !isGood { break }
            } else if at > featureStart && weight != 0 {
                addNamed(text, featureStart, at &- featureStart, weight, base, byte, namespace, into: &columns)
            }
        }
        if isGood && text[at] == UInt8(ascii: ":") {
            isGood = malformed(text, lineStart, at, "'|',space, or EOL", &columns)
        }
        // A carriage return ends a line; before the line feed it is part of its end.
        if text[at] == UInt8(ascii: "\r") && text[at &+ 1] != UInt8(ascii: "\n") { isGood = false }
        columns.endSegment(byte, firstFeature: first)
        if affixCount > 0 { columns.endAffixes() }
        return isGood
    }

    /// A feature with a value; `at` is its colon and ends on the delimiter behind the value.
    private mutating func parseValue(
        _ text: TextPointer, _ nameStart: Int, _ at: inout Int, _ cursor: inout DelimiterCursor, _ namespace: UInt32,
        _ byte: UInt8, _ weight: Float, _ unnamedCount: inout UInt32, _ base: String, _ lineStart: Int,
        into columns: inout ParsedColumns
    ) -> Bool {
        let nameCount = at &- nameStart
        let valueStart = at &+ 1
        at = cursor.next()
        var valueEnd = at
        var value: Float = 1
        var isText = false
        switch parseDecimal(text, valueStart, at) {
        case .number(let number): value = number
        case .infinite: value = text[valueStart] == UInt8(ascii: "-") ? -.infinity : .infinity
        case .notANumber:
            columns.warn("Invalid feature value read as NaN. Replacing with 0.")
            value = 0
        case .text:
            // A zero byte ends a number, and with it what can be read of the line.
            valueEnd = (valueStart..<at).first { text[$0] == 0 } ?? at
            if valueEnd < at, case .number(let number) = parseDecimal(text, valueStart, valueEnd) {
                value = number
            } else {
                (isText, valueEnd) = (valueStart < at, at)
            }
        }
        // A text's weight is 1, whatever its namespace's.
        value = valueStart < at && !isText ? value * weight : 1
        let unnamed = namespace &+ unnamedCount
        if nameCount == 0 && !isText { unnamedCount &+= 1 }
        if value != 0 {
            if isText {
                let seed = hash(text.advanced(nameStart), nameCount, seed: namespace)
                let index = hash(text.advanced(valueStart), at &- valueStart, seed: seed)
                add(
                    index, value, text, nameStart, nameCount, valueStart, at &- valueStart, base, byte, namespace,
                    into: &columns)
            } else if nameCount > 0 {
                addNamed(text, nameStart, nameCount, value, base, byte, namespace, into: &columns)
            } else {
                add(unnamed, value, text, nameStart, nameCount, 0, 0, base, byte, namespace, into: &columns)
            }
        }
        guard valueEnd == at else {
            _ = malformed(text, lineStart, valueEnd, "'|',space, or EOL", &columns)
            return malformed(text, lineStart, valueEnd, "'|' or EOL", &columns)
        }
        return true
    }

    /// Adds a feature by name. A short name waits to be hashed with others; names that must be trimmed are rare.
    @inline(__always)
    private func addNamed(
        _ text: TextPointer, _ start: Int, _ count: Int, _ value: Float, _ base: String, _ byte: UInt8,
        _ namespace: UInt32, into columns: inout ParsedColumns
    ) {
        if count <= 8 && text[start] > 0x20 && text[start &+ count &- 1] > 0x20 {
            let word = text.word64(start) & (UInt64.max &>> (64 &- 8 &* UInt64(count)))
            columns.addFeature(named: word, byteCount: count, seed: namespace, value)
        } else {
            addLongName(text.advanced(start), count, value, namespace, into: &columns)
        }
        if keepsMore {
            addMore(value, text, start, count, 0, 0, base, byte, namespace, into: &columns)
        }
    }

    /// Not inlined: what is rare would make what is not slow.
    @inline(never)
    private func addLongName(
        _ name: TextPointer, _ count: Int, _ value: Float, _ namespace: UInt32, into columns: inout ParsedColumns
    ) {
        columns.addFeature(hash(name, count, seed: namespace), value)
    }

    @inline(__always)
    private func add(
        _ index: UInt32, _ value: Float, _ text: TextPointer, _ nameStart: Int, _ nameCount: Int, _ valueStart: Int,
        _ valueCount: Int, _ base: String, _ byte: UInt8, _ namespace: UInt32, into columns: inout ParsedColumns
    ) {
        columns.addFeature(index, value)
        if keepsMore {
            addMore(value, text, nameStart, nameCount, valueStart, valueCount, base, byte, namespace, into: &columns)
        }
    }

    /// The feature's name and affixes, where they are wanted.
    @inline(never)
    private func addMore(
        _ value: Float, _ text: TextPointer, _ nameStart: Int, _ nameCount: Int, _ valueStart: Int, _ valueCount: Int,
        _ base: String, _ byte: UInt8, _ namespace: UInt32, into columns: inout ParsedColumns
    ) {
        if keepsNames {
            let name = string(text, nameStart, nameStart &+ nameCount)
            let end = valueCount > 0 ? "^" + string(text, valueStart, valueStart &+ valueCount) : ""
            columns.names.append((base.isEmpty ? "" : base + "^") + name + end)
        }
        guard affixCount > 0, nameCount > 0, let affixes = affixes[byte] else { return }
        for affix in affixes {
            let count = min(nameCount, affix.byteCount)
            let start = affix.isPrefix ? nameStart : nameStart &+ nameCount &- count
            let index =
                hash(text.advanced(start), count, seed: namespace) &* (13_903_957 &+ affix.code &* 27_942_141)
            let name =
                !keepsNames
                ? ""
                : "affix^" + (byte == 0x20 ? "" : String(decoding: [byte], as: UTF8.self))
                    + (affix.isPrefix ? "+" : "-") + "\(affix.byteCount)=" + string(text, start, start &+ count)
            columns.affixes.append((index, value, name))
        }
    }

    @inline(__always)
    private func hash(_ name: TextPointer, _ count: Int, seed: UInt32) -> UInt32 {
        hashesDigits ? murmur32(name, count, seed: seed) : hashString(name, count, seed: seed)
    }

    @inline(__always)
    private mutating func namespaceHash(_ name: TextPointer, _ count: Int) -> UInt32 {
        let (hashesDigits, seed) = (hashesDigits, seed)
        return namespaces.hash(name, count) { name, count in
            hashesDigits ? murmur32(name, count, seed: seed) : hashString(name, count, seed: seed)
        }
    }

    private func malformed(
        _ text: TextPointer, _ bar: Int, _ end: Int, _ wanted: String, _ columns: inout ParsedColumns
    ) -> Bool {
        var lineEnd = end
        while text[lineEnd] != UInt8(ascii: "\n") && text[lineEnd] != 0 { lineEnd &+= 1 }
        columns.warn(
            "malformed example! \(wanted) expected after : \"\(string(text, bar, end))\"",
            line: string(text, bar, lineEnd))
        return false
    }

    private func string(_ text: TextPointer, _ start: Int, _ end: Int) -> String {
        String(decoding: (start..<end).map { text[$0] }, as: UTF8.self)
    }
}
