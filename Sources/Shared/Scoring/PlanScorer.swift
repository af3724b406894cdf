internal import Domain
package import Features

/// Scores text with any number of models of one plan: it is parsed, transformed, crossed and hashed once for all of them.
///
/// Keeps its memory from request to request. Lines may share a context: what it adds to a margin is computed once, and each line's
/// example then has only what the context's does not.
package struct PlanScorer: Sendable {
    private var parser: VWTextParser
    private var examples = ExampleBatch()
    private var context = ExampleBatch()

    package init(_ plan: Plan) { parser = VWTextParser(plan, purpose: .scoring) }

    package var exampleCount: Int { examples.exampleCount }

    /// Why text cannot be scored.
    package enum Problem: Error, Equatable, Sendable {
        case context(LineError)
        /// The line's number counts from 0.
        case line(LineError)
        /// Some line, or the context, is empty.
        case noExample
    }

    /// Reads lines, each an example, or a candidate of the context.
    ///
    /// - Parameters:
    ///   - count: how many lines there are.
    ///   - shared: one line that stands before each of them; empty for none.
    package mutating func read(_ lines: inout ByteWindow, count: Int, context shared: inout ByteWindow) throws(Problem)
    {
        examples.removeAll()
        context.removeAll()
        parser.endContext()
        var errors = LineErrors()
        if shared.byteCount > 0 && !parser.beginContext(&shared, into: &context, errors: &errors) {
            throw errors.told.first.map(Problem.context) ?? .noExample
        }
        _ = parser.parse(&lines, endsText: true, firstLine: 0, into: &examples, errors: &errors)
        if let error = errors.told.first { throw .line(error) }
        guard examples.exampleCount == count else { throw .noExample }
    }

    /// The same without a context.
    package mutating func read(_ lines: inout ByteWindow, count: Int) throws(Problem) {
        var none = ByteWindow()
        try read(&lines, count: count, context: &none)
    }

    /// The margins of what was read last, by a model's weights.
    ///
    /// - Precondition: the table has the plan's size.
    /// - Parameter margins: grows to hold one for each example; the first `exampleCount` are written.
    package mutating func score(_ table: WeightTable, into margins: inout [Double]) {
        if context.exampleCount > 0 {
            table.score(examples, of: context, into: &margins)
        } else {
            table.score(examples, into: &margins)
        }
    }
}
