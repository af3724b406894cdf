internal import Domain

/// Makes examples of what a grammar reads: hashes names, lets transforms and crosses add theirs, ends each line with the constant and
/// checks its limits. Every format has the same one, so that the same features come out of it, in the same order.
struct ExampleMaker: Sendable {
    let mask: UInt32
    let hashesDigits: Bool
    let seed: UInt32
    let hasConstant: Bool
    /// The hash of a namespace without a name.
    let unnamedNamespace: UInt32
    var namespaces = NamespaceCache()
    private var delimiters: [UInt32] = []
    private var names = NameColumn()
    /// Nil for a spec without crosses.
    var crossing: Crossing?
    /// Nil for a spec without transforms.
    var transforming: Transforming?
    // Asked for every namespace: what the two begin with is not where it is looked for fast.
    let hasCrosses: Bool
    let hasTransforms: Bool
    /// The first feature of the line that is read.
    var firstFeature = 0

    init(_ plan: Plan) {
        let spec = plan.spec
        mask = UInt32(truncatingIfNeeded: spec.indexCount - 1)
        hashesDigits = spec.hashing.mode == .all
        seed = spec.hashing.seed
        hasConstant = spec.hashing.constant
        crossing = spec.crosses.isEmpty ? nil : Crossing(spec.crosses)
        transforming = plan.transforms.map(Transforming.init)
        (hasCrosses, hasTransforms) = (crossing != nil, transforming != nil)
        unnamedNamespace = spec.hashing.hash(ofNamespace: "")
    }

    /// Whether the line that is read is a context.
    var isContext = false
    /// Whether the lines that are read are candidates of a context.
    var hasContext = false
    /// Features that every candidate has of the context, without crosses.
    var contextFeatureCount = 0
    /// The context's features for its candidates' crosses.
    var context: ContextFeatures?

    /// VW's constant feature, before the mask. Source: VW `constant.h`.
    static let constantIndex: UInt32 = 11_650_396

    /// Parses whole lines of `window` from byte `start` on, as `VWTextParser.parse` says, each with the grammar.
    ///
    /// Its loop is compiled for each grammar: nothing is chosen line by line.
    mutating func parse<Grammar: LineGrammar>(
        _ grammar: inout Grammar, _ window: inout ByteWindow, from start: Int, lineCountMax: Int, endsText: Bool,
        firstLine: Int, into batch: inout ExampleBatch, errors: inout LineErrors
    ) -> (byteCount: Int, lineCount: Int) {
        guard let end = window.endOfLines(from: start, endsText: endsText) else { return (0, 0) }
        var lines = 0
        var consumed = start
        window.withText { text in
            let delimiterCount = delimiters.findDelimiters(Grammar.self, text, from: start, to: end)
            let positions = delimiters
            // Features that one line may have beyond its delimiters. Room is made for many lines at a time.
            let roomForLine =
                Grammar.roomForLine + (hasCrosses ? Crossing.roomForLine : 0)
                + (transforming?.plan.addedCountMax ?? 0)
            let room = roomForLine == 0 ? 0 : 2 * max(roomForLine, Crossing.roomForLine)
            // Taken out while the grammar has this maker.
            var names = NameColumn()
            swap(&names, &self.names)
            names.reserve(delimiterCount + room)
            positions.withCursor { cursor in
                // Once; where lines get features that they do not name, again whenever one may not find room.
                while consumed < end && lines < lineCountMax {
                    batch.reserve(
                        examples: min(lineCountMax - lines, delimiterCount), features: delimiterCount + room)
                    let full = room == 0 ? .max : batch.featureCount + room - roomForLine
                    batch.withColumns(&names) { columns in
                        while consumed < end && lines < lineCountMax && columns.featureCount <= full {
                            let (next, failure) = grammar.parseLine(
                                text, from: consumed, &cursor, &self, into: &columns)
                            if let failure {
                                errors.append(
                                    LineError(
                                        line: firstLine + lines, column: failure.position - consumed + 1,
                                        reason: failure.reason))
                            }
                            consumed = next
                            lines += 1
                        }
                        if !hasCrosses { columns.hashNames(digitsAreNumbers: !hashesDigits, mask: mask) }
                    }
                }
            }
            swap(&names, &self.names)
        }
        return (min(consumed, window.byteCount) - start, lines)
    }
}
