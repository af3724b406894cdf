internal import Domain
internal import Features
internal import Learning

/// Scores examples with a model, in memory that serves again: one for each thread.
///
///     let model = try Model(contentsOf: "models/ctr")
///     var scorer = Scorer(model)
///     let clicks = try scorer.probabilities(of: ["|user 17 |ad 3"])
///
/// The bits are those that workers answer with and `sluice score` prints.
public struct Scorer: Sendable {
    public let model: Model
    private var lines: PlanScorer
    private var margins: [Double] = []
    private var contextMargins: [Double] = []

    public init(_ model: Model) {
        self.model = model
        lines = PlanScorer(model.plan)
    }

    /// The probabilities of lines of text.
    ///
    /// - Parameters:
    ///   - examples: Vowpal Wabbit text, a line each; labels are ignored.
    ///   - context: a line that stands before each of them, such as the user's features before those of an ad. It is read, transformed
    ///     and scored once.
    /// - Returns: a probability for each line.
    public mutating func probabilities(of examples: [String], context: String = "") throws(ScoringError) -> [Float] {
        try readMargins(examples, context)
        return probabilities(count: examples.count)
    }

    /// The same in log-odds.
    public mutating func margins(of examples: [String], context: String = "") throws(ScoringError) -> [Double] {
        try readMargins(examples, context)
        return Array(margins.prefix(examples.count))
    }

    /// The probabilities of examples whose features are indices already, by a plan with the model's `fingerprint`.
    ///
    /// - Parameters:
    ///   - offsets: example e owns features offsets[e] ..< offsets[e + 1]; starts at 0. Shape [E + 1].
    ///   - indices: each below the model's `indexCount`, the constant among them. Shape [features].
    ///   - values: shape [features]; empty where all are 1.
    ///   - probabilities: grows to hold one for each example; the first E are written.
    /// - Throws: the first thing wrong, by its place.
    /// - Cost: O(features); allocates nothing once it has grown.
    public mutating func score(
        offsets: [UInt32], indices: [UInt32], values: [Float] = [], into probabilities: inout [Float]
    ) throws(ScoringError) {
        guard !offsets.isEmpty, values.isEmpty || values.count == indices.count else {
            throw ScoringError(
                "'offsets' wants one number more than there are examples, and 'values' one for each index or none")
        }
        do throws(TensorError) {
            try model.servable.table.score(
                offsets: offsets, indices: indices, values: values, featuresMax: Limits.Features.perExampleMax,
                into: &margins)
        } catch { throw ScoringError(error.sentence) }
        let count = offsets.count - 1
        if probabilities.count < count {
            probabilities.append(contentsOf: repeatElement(0, count: count - probabilities.count))
        }
        Learning.probabilities(margins, count, into: &probabilities)
    }

    private mutating func readMargins(_ examples: [String], _ context: String) throws(ScoringError) {
        var (text, shared) = (ByteWindow(), ByteWindow(context.utf8))
        for (number, example) in examples.enumerated() {
            guard !example.utf8.contains(0x0A) else {
                throw ScoringError("example \(number): a line feed inside an example")
            }
            text.append(example.utf8)
            text.appendLineFeed()
        }
        do throws(PlanScorer.Problem) { try lines.read(&text, count: examples.count, context: &shared) } catch {
            switch error {
            case .context(let error):
                throw ScoringError("the context, column \(error.column): \(error.reason.rawValue)")
            case .line(let error):
                throw ScoringError("example \(error.line), column \(error.column): \(error.reason.rawValue)")
            case .noExample: throw ScoringError("an example or the context is empty")
            }
        }
        lines.score(model.servable.table, into: &margins)
    }

    private mutating func probabilities(count: Int) -> [Float] {
        var probabilities = [Float](repeating: 0, count: count)
        Learning.probabilities(margins, count, into: &probabilities)
        return probabilities
    }
}
