package import Domain

/// A feature with the name it came from.
package struct NamedFeature: Sendable, Equatable {
    /// As Vowpal Wabbit's audit has it: `namespace^name`, crosses with `*` between them, `Constant`; empty where only the index is known.
    package var name: String
    package var index: UInt32
    package var value: Float

    package init(name: String, index: UInt32, value: Float) {
        (self.name, self.index, self.value) = (name, index, value)
    }
}

/// Names the features of a line, for people. Slow: it parses every token of the line by itself.
package struct FeatureNames {
    private let spec: ModelSpec
    /// Without what transforms add to a line, the constant and crosses.
    private var plain: VWTextParser
    private var whole: VWTextParser
    private var crosses: CrossPlan

    package init(_ spec: ModelSpec) { self.init(Plan(spec)) }

    package init(_ plan: Plan) {
        spec = plan.spec
        plain = VWTextParser(plan.ofOwnFeatures, purpose: .scoring)
        plain.maker.transforming?.addsToLines = false
        whole = VWTextParser(plan, purpose: .scoring)
        crosses = CrossPlan(plan.spec.crosses)
    }

    /// The features of a line, in the order of its batch.
    ///
    /// - Returns: none for a line without an example.
    /// - Throws: why the line is refused.
    package mutating func features(of line: String) throws(LineError.Reason) -> [NamedFeature] {
        var errors = LineErrors()
        let batch = Self.parse(line.utf8, &whole, &errors)
        if let error = errors.told.first { throw error.reason }
        guard batch.exampleCount == 1 else { return [] }
        let found = batch.features(of: 0)
        var (names, segments): ([String], [CrossPlan.Segment]) = ([], [])
        // Bytes, as the parser sees them: a bar may be part of a character.
        for part in line.utf8.split(separator: Self.bar, omittingEmptySubsequences: false).dropFirst() {
            let words = part.split(whereSeparator: Self.isBlank)
            let isNamed = part.first.map { !Self.isBlank($0) } ?? false
            let head = isNamed ? words[0] : part[..<part.startIndex]
            let space = Self.text(head.prefix { $0 != Self.colon })
            let start = names.count
            for word in words.dropFirst(isNamed ? 1 : 0) where has([Self.bar] + head + [Self.space] + word) {
                let bin = plain.maker.transforming?.nameOfOnlyBin(spec)
                names.append(bin ?? (space.isEmpty ? Self.name(word) : "\(space)^\(Self.name(word))"))
            }
            if names.count > start {
                segments.append(
                    CrossPlan.Segment(byte: space.utf8.first ?? Self.space, start: start, end: names.count))
            }
        }
        for added in whole.maker.transforming?.namesOfAdded(spec) ?? [] where !added.names.isEmpty {
            segments.append(
                CrossPlan.Segment(byte: added.byte, start: names.count, end: names.count + added.names.count))
            names += added.names
        }
        let own = names
        if spec.hashing.constant { names.append("Constant") }
        crosses.adapt(to: segments)
        names += crossed(own, segments)
        precondition(names.count == found.count, "every feature has a name")
        return zip(names, found).map { NamedFeature(name: $0, index: $1.index, value: $1.value) }
    }

    /// Whether a token makes a feature: one of value 0 makes none.
    private mutating func has(_ text: [UInt8]) -> Bool {
        var errors = LineErrors()
        return Self.parse(text, &plain, &errors).featureCount > 0
    }

    private static func parse(_ line: some Collection<UInt8>, _ parser: inout VWTextParser, _ errors: inout LineErrors)
        -> ExampleBatch
    {
        var (window, batch) = (ByteWindow(line), ExampleBatch())
        _ = parser.parse(&window, endsText: true, firstLine: 1, into: &batch, errors: &errors)
        return batch
    }

    /// `name:2.5` is `name`; `name:text` stays, as its text is part of it.
    private static func name(_ word: Substring.UTF8View) -> String {
        guard let colon = word.firstIndex(of: colon), isNumber(word[colon...].dropFirst()) else {
            return text(word)
        }
        return text(word[..<colon])
    }

    /// As the parser decides it.
    private static func isNumber(_ text: some Collection<UInt8>) -> Bool {
        let value = ByteWindow(text).withText { parseDecimal($0, 0, text.count) }
        if case .text = value { return false }
        return true
    }

    private static let (bar, colon, space) = (UInt8(ascii: "|"), UInt8(ascii: ":"), UInt8(ascii: " "))
    private static func isBlank(_ byte: UInt8) -> Bool { [space, 0x09, 0x0D].contains(byte) }
    private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private func crossed(_ own: [String], _ segments: [CrossPlan.Segment]) -> [String] {
        let layout = crosses.layout
        var spaces: [[Int]] = segments.map { Array($0.start..<$0.end) }
        if !layout.isInOnePiece {
            var start = 0
            spaces = layout.memberEnds.map { end in
                defer { start = end }
                return layout.members[start..<end].flatMap { Array(segments[$0].start..<segments[$0].end) }
            }
        }
        var names: [String] = []
        func add(_ term: ArraySlice<Int>, _ prefix: String, from first: Int) {
            guard let place = term.first else { return names.append(prefix) }
            for k in spaces[place].indices.dropFirst(first) {
                let name = prefix.isEmpty ? own[spaces[place][k]] : "\(prefix)*\(own[spaces[place][k]])"
                let rest = term.dropFirst()
                add(rest, name, from: rest.first == place ? k : 0)
            }
        }
        var start = 0
        for end in layout.ends {
            add(layout.places[start..<end], "", from: 0)
            start = end
        }
        return names
    }
}
