internal import CKernels
internal import Domain

/// NDJSON: one object a line, `{"label":1,"importance":2,"features":{"ns":{"name":1.5,"color":"red","flag":true},"tags":["a"]}}`.
///
/// Equal to VW's `label importance |ns name:1.5 color:red flag |tags a`. The grammar is its own nesting: nothing deeper is read.
struct JSONGrammar: LineGrammar {
    let purpose: ExampleParser.Purpose

    @inline(__always)
    static func delimiters64(_ text: TextPointer, _ at: Int) -> UInt64 { text.json64(at) }

    /// Numbers in a list have no delimiters. Two beyond the limit: the one that shows it, and the constant.
    static var roomForLine: Int { Limits.Features.perExampleMax + 2 }

    @inline(__always)
    mutating func parseLine(
        _ text: TextPointer, from start: Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> (next: Int, failure: LineFailure?) {
        var line = JSONLine(text, start, cursor)
        defer { cursor = line.cursor }
        line.skipSpace()
        guard line.byte != UInt8(ascii: "\n") else { return (line.endOfLine(), nil) }
        var label = ExampleLabel()
        maker.beginLine(&columns)
        var failure = parseExample(&line, &label, &maker, into: &columns)
        if failure == nil {
            line.skipSpace()
            if line.byte != UInt8(ascii: "\n") { failure = line.failure(.jsonBehind) }
        }
        failure = maker.finishLine(failure, label, start, line.at, into: &columns)
        return (line.endOfLine(), failure)
    }

    private struct Keys: OptionSet {
        var rawValue: UInt8
        static let label = Keys(rawValue: 1)
        static let importance = Keys(rawValue: 2)
        static let features = Keys(rawValue: 4)
        static let tag = Keys(rawValue: 8)
        static let id = Keys(rawValue: 16)
    }

    /// The whole object.
    private func parseExample(
        _ line: inout JSONLine, _ label: inout ExampleLabel, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        let start = line.at
        guard line.take(UInt8(ascii: "{")) else { return line.failure(.jsonObject) }
        var seen: Keys = []
        var hasLabel = false
        var isFirst = true
        while true {
            switch line.nextKey(&isFirst, closing: UInt8(ascii: "}")) {
            case .end:
                let isMissing = purpose == .training && !hasLabel
                return isMissing ? LineFailure(position: start, reason: .labelMissing) : nil
            case .failure(let failure): return failure
            case .key(let name):
                let key = key(name, line.text)
                guard !key.isEmpty else { return LineFailure(position: name.start, reason: .jsonUnknownKey) }
                guard seen.isDisjoint(with: key) else {
                    return LineFailure(position: name.start, reason: .jsonKeyTwice)
                }
                seen.insert(key)
                let failure: LineFailure?
                switch key {
                case .features: failure = parseFeatures(&line, start, &maker, into: &columns)
                case .label where purpose == .training:
                    failure = line.number { text, start, end in
                        hasLabel = true
                        return label.readLabel(text, start, end)
                    }
                case .importance where purpose == .training:
                    failure = line.number { text, start, end in label.readImportance(text, start, end) }
                default: failure = line.skipScalar()
                }
                if let failure { return failure }
            }
        }
    }

    private func key(_ name: JSONLine.Name, _ text: TextPointer) -> Keys {
        guard !name.isEscaped else { return [] }
        func `is`(_ word: StaticString) -> Bool {
            name.count == word.utf8CodeUnitCount && text.isEqual(word, at: name.start)
        }
        if `is`("features") { return .features }
        if `is`("label") { return .label }
        if `is`("importance") { return .importance }
        return `is`("tag") ? .tag : `is`("id") ? .id : []
    }

    /// The object of namespaces.
    private func parseFeatures(
        _ line: inout JSONLine, _ lineStart: Int, _ maker: inout ExampleMaker, into columns: inout BatchColumns
    ) -> LineFailure? {
        guard line.take(UInt8(ascii: "{")) else { return line.failure(.jsonFeatures) }
        var isFirst = true
        while true {
            switch line.nextKey(&isFirst, closing: UInt8(ascii: "}")) {
            case .end: return nil
            case .failure(let failure): return failure
            case .key(let name):
                let first = columns.featureCount
                var namespace = maker.unnamedNamespace
                var byte = UInt8(ascii: " ")
                if let failure = line.withBytes(
                    name,
                    {
                        guard $1 > 0 else { return }
                        (namespace, byte) = (maker.namespaceHash($0, $1), $0[0])
                    })
                {
                    return failure
                }
                let failure: LineFailure?
                if line.take(UInt8(ascii: "{")) {
                    failure = parsePairs(&line, lineStart, namespace, &maker, into: &columns)
                } else if line.take(UInt8(ascii: "[")) {
                    failure = parseItems(&line, lineStart, namespace, &maker, into: &columns)
                } else {
                    failure = line.takeWord("null") ? nil : line.failure(.jsonNamespace)
                }
                if let failure { return failure }
                maker.endNamespace(byte, from: first, columns)
            }
        }
    }

    /// Names with values, up to the object's end.
    @inline(__always)
    private func parsePairs(
        _ line: inout JSONLine, _ lineStart: Int, _ namespace: UInt32, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        let isLookedAt = maker.looksAt(namespace: namespace)
        var unnamedCount: UInt32 = 0
        var isFirst = true
        while true {
            switch line.nextKey(&isFirst, closing: UInt8(ascii: "}")) {
            case .end: return nil
            case .failure(let failure): return failure
            case .key(let name):
                guard columns.featureCount &- maker.firstFeature <= Limits.Features.perExampleMax else {
                    return LineFailure(position: lineStart, reason: .tooManyFeatures)
                }
                let start = line.at
                var reason: LineError.Reason?
                let value: JSONLine.Value
                switch line.value() {
                case .failure(let failure): return failure
                case .success(let found): value = found
                }
                switch value {
                case .absent: continue
                case .text(let text) where text.count == 0: continue
                case .isTrue where name.count == 0: continue
                case .number(let number) where name.count == 0:
                    let hash = namespace &+ unnamedCount
                    unnamedCount &+= 1
                    reason = maker.addNumber(hash: hash, number, isLookedAt: false, into: &columns)
                case .number(let number) where !name.isEscaped:
                    reason = maker.addNumber(
                        line.text.advanced(name.start), name.count, namespace, number, isLookedAt: isLookedAt,
                        into: &columns)
                case .isTrue where !name.isEscaped:
                    maker.addName(
                        line.text.advanced(name.start), name.count, namespace, isLookedAt: isLookedAt,
                        into: &columns)
                case .number, .isTrue, .text:
                    var hash = namespace &+ unnamedCount
                    if name.count == 0 {
                        unnamedCount &+= 1
                    } else if let failure = line.withBytes(name, { hash = maker.hash($0, $1, seed: namespace) }) {
                        return failure
                    }
                    if case .text(let text) = value {
                        if let failure = line.withBytes(
                            text, { columns.addFeature(maker.hash($0, $1, seed: hash), 1) })
                        {
                            return failure
                        }
                    } else {
                        let number: Float = if case .number(let number) = value { number } else { 1 }
                        reason = maker.addNumber(hash: hash, number, isLookedAt: isLookedAt, into: &columns)
                    }
                }
                if let reason { return LineFailure(position: start, reason: reason) }
            }
        }
    }

    /// Names, and numbers without a name, up to the list's end.
    @inline(__always)
    private func parseItems(
        _ line: inout JSONLine, _ lineStart: Int, _ namespace: UInt32, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> LineFailure? {
        let isLookedAt = maker.looksAt(namespace: namespace)
        var unnamedCount: UInt32 = 0
        var isFirst = true
        while true {
            switch line.nextItem(&isFirst, closing: UInt8(ascii: "]")) {
            case .end: return nil
            case .failure(let failure): return failure
            case .item: break
            }
            guard columns.featureCount &- maker.firstFeature <= Limits.Features.perExampleMax else {
                return LineFailure(position: lineStart, reason: .tooManyFeatures)
            }
            let start = line.at
            switch line.value() {
            case .failure(let failure): return failure
            case .success(.absent): unnamedCount &+= 1
            case .success(.isTrue): return LineFailure(position: start, reason: .jsonListTrue)
            case .success(.number(let number)):
                let hash = namespace &+ unnamedCount
                unnamedCount &+= 1
                if let reason = maker.addNumber(hash: hash, number, isLookedAt: false, into: &columns) {
                    return LineFailure(position: start, reason: reason)
                }
            case .success(.text(let name)) where name.count == 0: break
            case .success(.text(let name)):
                if let failure = line.withBytes(
                    name,
                    { maker.addName($0, $1, namespace, isLookedAt: isLookedAt, into: &columns) })
                {
                    return failure
                }
            }
        }
    }
}
