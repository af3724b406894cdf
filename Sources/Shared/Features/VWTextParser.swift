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

    package init(_ spec: ModelSpec, purpose: Purpose) {
        mask = UInt32(truncatingIfNeeded: spec.indexCount - 1)
        hashesDigits = spec.hashing.mode == .all
        seed = spec.hashing.seed
        hasConstant = spec.hashing.constant
        self.purpose = purpose
        crossing = spec.crosses.isEmpty ? nil : Crossing(spec.crosses)
        unnamedNamespace =
            spec.hashing.seed == 0 ? 0 : ByteWindow([]).withText { [seed] in murmur32($0, 0, seed: seed) }
    }

    /// Features that lines may have in crosses before room is made for more.
    private static let crossRoom = 2 * Crossing.roomForLine

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
            // Taken out while `parseLine` has this parser.
            var names = NameColumn()
            swap(&names, &self.names)
            names.reserve(delimiterCount)
            positions.withCursor { cursor in
                // Once; with crosses again whenever a line may not find room.
                while consumed < end && lines < lineCountMax {
                    let room = crossing == nil ? 0 : Self.crossRoom
                    batch.reserve(
                        examples: min(lineCountMax - lines, delimiterCount), features: delimiterCount + room)
                    let full = room == 0 ? .max : batch.featureCount + room - Crossing.roomForLine
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
    mutating func endOfLines(from start: Int, endsText: Bool) -> Int? {
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
