package import Features

/// Reads lines of Vowpal Wabbit text as Vowpal Wabbit does: what a line has wrong is told, and the line is learned as
/// far as it is good.
///
/// - Source: Vowpal Wabbit's `parse_example_text.cc`; hashes are those of `Features`.
package struct LineParser: Sendable {
    let hashesDigits: Bool
    let seed: UInt32
    let affixes: [UInt8: [Affix]]
    let affixCount: Int
    let keepsNames: Bool
    /// Whether a feature has names or affixes beside its index and value.
    let keepsMore: Bool
    /// The hash of a namespace without a name.
    let unnamedNamespace: UInt32
    var namespaces = NamespaceCache()
    private var delimiters: [UInt32] = []

    package init(_ options: VWOptions) {
        (hashesDigits, seed) = (options.hashesDigits, options.hashSeed)
        (affixes, keepsNames) = (options.affixes, options.keepsNames)
        affixCount = options.affixes.values.map(\.count).max() ?? 0
        keepsMore = options.keepsNames || affixCount > 0
        unnamedNamespace = seed == 0 ? 0 : ByteWindow().withText { [seed] in murmur32($0, 0, seed: seed) }
    }

    /// Parses the whole lines of a window.
    ///
    /// - Parameter endsText: the text ends with the window, so that a last line needs no line feed.
    /// - Returns: how many bytes were read; an unfinished last line is left.
    package mutating func parse(
        _ window: inout ByteWindow, endsText: Bool, into examples: inout ParsedExamples
    ) -> Int {
        guard let end = window.endOfLines(from: 0, endsText: endsText) else { return 0 }
        window.withText { text in
            let count = delimiters.findDelimiters(text, from: 0, to: end)
            examples.reserve(
                examples: count, segments: 2 * count, features: (1 + affixCount) * count, tagBytes: end)
            let positions = delimiters
            positions.withCursor { cursor in
                examples.withColumns { columns in
                    var at = 0
                    let first = columns.featureCount
                    while at < end { at = parseLine(text, from: at, &cursor, into: &columns) }
                    columns.hashNames(from: first, digitsAreNumbers: !hashesDigits)
                }
            }
        }
        return min(end, window.byteCount)
    }
}
