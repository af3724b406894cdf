/// Examples as their lines have them: before anything is ignored, crossed or added.
///
/// Columns whose counts are capacity; `exampleCount`, `segmentCount`, `featureCount` and `tagByteCount` say what is in.
package struct ParsedExamples: Sendable {
    /// The label of an example that has none.
    package static let noLabel = Float.greatestFiniteMagnitude

    /// Shape [E].
    var labels: [Float] = []
    /// How many times each example counts; 0 or less is predicted only. Shape [E].
    var importances: [Float] = []
    /// What each prediction starts from. Shape [E].
    var initials: [Float] = []
    /// Where each example's tag ends in `tags`. Shape [E].
    var tagEnds: [UInt32] = []
    var tags: [UInt8] = []
    /// Where each example's segments end. Shape [E].
    var segmentEnds: [UInt32] = []
    /// The first byte of each segment's namespace; a segment is a namespace where it stands in a line. Shape [S].
    var segmentBytes: [UInt8] = []
    /// Where each segment's features end. Shape [S].
    var featureEnds: [UInt32] = []
    /// Hashes, before the mask. Shape [F].
    var indices: [UInt32] = []
    /// Shape [F].
    var values: [Float] = []

    package internal(set) var exampleCount = 0
    var segmentCount = 0
    var featureCount = 0
    var tagByteCount = 0

    /// The first eight bytes of names that wait to be hashed, and how many they are; 0 where the index is known already. Only the parser
    /// looks at them.
    var nameWords: [UInt64] = []
    var nameByteCounts: [UInt32] = []

    /// Of each feature, where the parser keeps them. Shape [F] or none.
    var names: [String] = []
    var warnings: [Warning] = []

    /// What is wrong with a line, which is learned nonetheless as far as it is good.
    struct Warning: Sendable {
        /// Counted from this chunk's first.
        var example: Int
        var sentence: String
        /// Nil where the sentence says it all.
        var line: String?
    }

    /// Features of one namespace that stand together: those that a dictionary or an affix adds have bytes of their
    /// own, above ASCII.
    static let affixNamespace: UInt8 = 129
    static let constantNamespace: UInt8 = 128

    /// Names are hashed eight at a time.
    private static let slack = 8

    package init() {}

    mutating func removeAll() {
        (exampleCount, segmentCount, featureCount, tagByteCount) = (0, 0, 0, 0)
        names.removeAll(keepingCapacity: true)
        warnings.removeAll()
    }

    /// Makes room beyond what is in.
    mutating func reserve(examples: Int, segments: Int, features: Int, tagBytes: Int) {
        labels.grow(to: exampleCount + examples)
        importances.grow(to: exampleCount + examples)
        initials.grow(to: exampleCount + examples)
        tagEnds.grow(to: exampleCount + examples)
        segmentEnds.grow(to: exampleCount + examples)
        segmentBytes.grow(to: segmentCount + segments)
        featureEnds.grow(to: segmentCount + segments)
        indices.grow(to: featureCount + features + Self.slack)
        values.grow(to: featureCount + features)
        nameWords.grow(to: featureCount + features + Self.slack)
        nameByteCounts.grow(to: featureCount + features + Self.slack)
        tags.grow(to: tagByteCount + tagBytes)
    }

    func segments(of example: Int) -> Range<Int> {
        (example == 0 ? 0 : Int(segmentEnds[example - 1]))..<Int(segmentEnds[example])
    }

    func features(of segment: Int) -> Range<Int> {
        (segment == 0 ? 0 : Int(featureEnds[segment - 1]))..<Int(featureEnds[segment])
    }

    func tag(of example: Int) -> ArraySlice<UInt8> {
        tags[(example == 0 ? 0 : Int(tagEnds[example - 1]))..<Int(tagEnds[example])]
    }
}

extension Array where Element: ExpressibleByIntegerLiteral {
    /// Adds zeros until the array has that many elements, or more: its count is capacity.
    mutating func grow(to needed: Int) {
        guard count < needed else { return }
        append(contentsOf: repeatElement(0, count: Swift.max(needed, 2 * count) - count))
    }
}
