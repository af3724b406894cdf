package import Domain

/// Reads Vowpal Wabbit text into index/value batches.
///
/// The grammar and the hashes are VW's (`docs/FORMAT.md`, "Text"). A line with an error adds nothing to the batch and is
/// told by line, column and reason; the lines around it stay.
package struct VWTextParser: Sendable {
    /// Whether lines are learned or only scored.
    package enum Purpose: Sendable {
        /// A line needs a label.
        case training
        /// Whatever stands before the first bar is ignored.
        case scoring
    }

    let mask: UInt32
    let hashesDigits: Bool
    let seed: UInt32
    let hasConstant: Bool
    let purpose: Purpose
    /// The hash of a namespace without a name.
    let unnamedNamespace: UInt32
    var namespaces = NamespaceCache()
    private var delimiters: [UInt32] = []
    private var names = NameColumn()
    /// Nil for a spec without crosses.
    var crossing: Crossing?
    /// Nil for a spec without transforms.
    var transforming: Transforming?

    package init(_ spec: ModelSpec, purpose: Purpose) { self.init(Plan(spec), purpose: purpose) }

    package init(_ plan: Plan, purpose: Purpose) {
        let spec = plan.spec
        mask = UInt32(truncatingIfNeeded: spec.indexCount - 1)
        hashesDigits = spec.hashing.mode == .all
        seed = spec.hashing.seed
        hasConstant = spec.hashing.constant
        self.purpose = purpose
        crossing = spec.crosses.isEmpty ? nil : Crossing(spec.crosses)
        transforming = plan.transforms.map(Transforming.init)
        unnamedNamespace = spec.hashing.hash(ofNamespace: "")
    }

    /// Whether the line that is read is a context.
    var isContext = false
    /// Whether the lines that are read are candidates of a context.
    package private(set) var hasContext = false
    /// Features that every candidate has of the context, without crosses.
    private(set) var contextFeatureCount = 0
    /// The context's features for its candidates' crosses.
    var context: ContextFeatures?

    /// Parses a line that begins many: what it has without what they add. Lines parsed from then on are its candidates, each as if it
    /// stood behind the context on one line: their examples have only what the context's does not have.
    ///
    /// The sum of both margins is that of the whole line, to the bit.
    /// - Parameter batch: receives the context's example.
    /// - Returns: whether the line is an example.
    package mutating func beginContext(
        _ window: inout ByteWindow, into batch: inout ExampleBatch, errors: inout LineErrors
    ) -> Bool {
        endContext()
        isContext = true
        transforming?.addsToLines = false
        defer { isContext = false }
        let count = batch.exampleCount
        _ = parse(&window, lineCountMax: 1, endsText: true, firstLine: 1, into: &batch, errors: &errors)
        guard batch.exampleCount == count + 1 else {
            endContext()
            return false
        }
        transforming?.keepContext(true)
        crossing?.context = context
        contextFeatureCount = context?.featureCount ?? batch.featureCount - Int(batch.offsets[count])
        hasContext = true
        return true
    }

    /// Lines from here on stand alone.
    package mutating func endContext() {
        transforming?.keepContext(false)
        crossing?.context = nil
        (context, contextFeatureCount, hasContext) = (nil, 0, false)
    }

    /// Whether the numbers that transforms look at are kept for `takeNumbers`.
    package var keepsNumbers: Bool {
        get { transforming?.rows != nil }
        set { transforming?.rows = newValue ? [] : nil }
    }

    /// The numbers of the examples parsed since the last call, NaN for what they lack. Shape [E × slots].
    package mutating func takeNumbers() -> [Float] {
        let rows = transforming?.rows ?? []
        transforming?.rows = []
        return rows
    }

    /// Features that one line may have beyond its delimiters.
    private var roomForLine: Int {
        (crossing == nil ? 0 : Crossing.roomForLine) + (transforming?.plan.addedCountMax ?? 0)
    }

    /// VW's constant feature, before the mask. Source: VW `constant.h`.
    package static let constantIndex: UInt32 = 11_650_396

    /// Parses whole lines of `window` from byte `start` on, at most `lineCountMax` of them.
    ///
    /// - Parameters:
    ///   - endsText: the text ends with the window, so that a last line needs no line feed.
    ///   - firstLine: the number of the first line, for errors; counted from 1.
    ///   - batch: receives the good lines behind what it holds.
    /// - Returns: how many bytes and lines were read. An unfinished last line is left.
    /// - Cost: O(bytes); allocates only when the batch must grow.
    package mutating func parse(
        _ window: inout ByteWindow, from start: Int = 0, lineCountMax: Int = .max, endsText: Bool, firstLine: Int,
        into batch: inout ExampleBatch, errors: inout LineErrors
    ) -> (byteCount: Int, lineCount: Int) {
        guard let end = window.endOfLines(from: start, endsText: endsText) else { return (0, 0) }
        var lines = 0
        var consumed = start
        window.withText { text in
            let delimiterCount = delimiters.findDelimiters(text, from: start, to: end)
            let positions = delimiters
            // Room is made for many lines at a time.
            let roomForLine = roomForLine
            let room = roomForLine == 0 ? 0 : 2 * max(roomForLine, Crossing.roomForLine)
            // Taken out while `parseLine` has this parser.
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
                            let (next, failure) = parseLine(text, from: consumed, &cursor, into: &columns)
                            if let failure {
                                errors.append(
                                    LineError(
                                        line: firstLine + lines, column: failure.position - consumed + 1,
                                        reason: failure.reason))
                            }
                            consumed = next
                            lines += 1
                        }
                        if crossing == nil { columns.hashNames(digitsAreNumbers: !hashesDigits, mask: mask) }
                    }
                }
            }
            swap(&names, &self.names)
        }
        return (min(consumed, window.byteCount) - start, lines)
    }
}

extension ByteWindow {
    /// The position behind the last whole line, or nil where there is none. Ends an unfinished last line if asked.
    package mutating func endOfLines(from start: Int, endsText: Bool) -> Int? {
        guard byteCount > start else { return nil }
        if endsText && bytes[byteCount - 1] != UInt8(ascii: "\n") {
            bytes[byteCount] = UInt8(ascii: "\n")
            return byteCount + 1
        }
        var end = byteCount
        let known = max(start, lineFeedFreeByteCount)
        while end > known && bytes[end - 1] != UInt8(ascii: "\n") { end -= 1 }
        guard end > known else {
            lineFeedFreeByteCount = byteCount
            return nil
        }
        return end
    }
}
