package import Domain

/// Reads Vowpal Wabbit text into index/value batches; also lines that begin many.
///
/// The grammar and the hashes are VW's (`docs/FORMAT.md`, "Text"). A line with an error adds nothing to the batch and is
/// told by line, column and reason; the lines around it stay.
package struct VWTextParser: Sendable {
    package typealias Purpose = ExampleParser.Purpose

    private var grammar: VWGrammar
    var maker: ExampleMaker

    package init(_ spec: ModelSpec, purpose: Purpose) { self.init(Plan(spec), purpose: purpose) }

    package init(_ plan: Plan, purpose: Purpose) {
        grammar = VWGrammar(purpose: purpose)
        maker = ExampleMaker(plan)
    }

    /// Whether the lines that are read are candidates of a context.
    package var hasContext: Bool { maker.hasContext }

    /// Parses a line that begins many: what it has without what they add. Lines parsed from then on are its candidates, each as if it
    /// stood behind the context on one line: their examples have only what the context's does not have.
    ///
    /// The sum of both margins is that of the whole line, to the bit.
    /// - Parameter batch: receives the context's example.
    /// - Returns: whether the line is an example.
    package mutating func beginContext(
        _ window: inout ByteWindow, into batch: inout ExampleBatch, errors: inout LineErrors
    ) -> Bool {
        maker.endContext()
        maker.isContext = true
        maker.transforming?.addsToLines = false
        defer { maker.isContext = false }
        let count = batch.exampleCount
        _ = parse(&window, lineCountMax: 1, endsText: true, firstLine: 1, into: &batch, errors: &errors)
        guard batch.exampleCount == count + 1 else {
            maker.endContext()
            return false
        }
        maker.beginContext(featureCount: batch.featureCount - Int(batch.offsets[count]))
        return true
    }

    /// Lines from here on stand alone.
    package mutating func endContext() { maker.endContext() }

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
        maker.parse(
            &grammar, &window, from: start, lineCountMax: lineCountMax, endsText: endsText, firstLine: firstLine,
            into: &batch, errors: &errors)
    }
}

extension ExampleMaker {
    /// - Parameter featureCount: of the context's example, crosses among them.
    fileprivate mutating func beginContext(featureCount: Int) {
        transforming?.keepContext(true)
        crossing?.context = context
        contextFeatureCount = context?.featureCount ?? featureCount
        hasContext = true
    }

    fileprivate mutating func endContext() {
        transforming?.keepContext(false)
        crossing?.context = nil
        (context, contextFeatureCount, hasContext) = (nil, 0, false)
    }
}
