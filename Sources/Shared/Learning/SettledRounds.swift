package import Domain

/// The clock's half of settled rounds: which examples of a batch are learned in a round, and with which residuals.
///
/// Owners score a window of examples and try the residuals they were told last, one example after the other; the clock
/// takes the longest prefix whose residuals no longer change, and tells new ones for the rest. With a tolerance of 0 the
/// result is plain sequential learning, bit for bit, whatever the windows were.
///
/// No rows, no I/O: margins in, a decision out. Every number here is a function of the log's order and its batches.
/// - Source: docs/decisions/0008-settled-rounds.md.
package struct SettledRounds: Sendable {
    /// What a round may accept and how windows grow.
    package struct Rule: Sendable, Equatable {
        /// A residual has settled when it moved by at most this share of p (1 − p), the residual's own slope.
        package var tolerance: Double
        /// Share of the new residual in the next one told.
        package var damping: Double
        /// A window is this many times the examples that rounds accepted lately, and four.
        package var windowFactor: Int

        package static let exact = Rule(tolerance: 0, damping: 1, windowFactor: 8)
        package static let tolerant = Rule(tolerance: 0.2, damping: 0.8, windowFactor: 5)
    }

    private let rule: Rule
    /// Examples accepted a round, lately; in 65536ths, so that every node computes the same.
    package private(set) var acceptedLately: Int = 4 << 16
    /// The most examples the next window may have.
    package private(set) var windowMax = 8

    /// The first example of the batch that is not learned.
    package private(set) var position = 0
    /// One past the last example whose residual was told.
    private var known = 0
    /// One past the last example of the last window.
    private var scoredEnd = 0
    private var exampleCount = 0
    /// The residual told last for each example of the batch, importance included. Shape [E]; valid below `known`.
    package private(set) var residuals: [Float] = []

    /// Since the beginning.
    package private(set) var roundCount: UInt64 = 0

    package init(_ settle: ModelSpec.Settle) {
        rule = settle == .exact ? .exact : .tolerant
    }

    /// Goes on from the state that a commit recorded.
    package mutating func restore(acceptedLately: Int, windowMax: Int) {
        (self.acceptedLately, self.windowMax) = (acceptedLately, windowMax)
        begin(exampleCount: 0)
    }

    /// Starts a batch. Nothing of it is known.
    package mutating func begin(exampleCount: Int) {
        (position, known, scoredEnd, self.exampleCount) = (0, 0, 0, exampleCount)
        if residuals.count < exampleCount {
            residuals.append(
                contentsOf: repeatElement(0, count: max(exampleCount, 2 * residuals.count) - residuals.count))
        }
    }

    /// The examples that owners pass next; empty behind the batch. A window never spans batches.
    package var window: Range<Int> { position..<min(position + windowMax, exampleCount) }

    /// The examples of the window whose residuals owners have: they are tried.
    package var tried: Range<Int> { position..<min(max(position, known), window.upperBound) }

    /// Decides on a round.
    ///
    /// - Parameters:
    ///   - margins: of the window's examples, summed over owners. Shape [window].
    ///   - labels, importances: of the batch. Shape [E].
    /// - Returns: how many examples of the window are learned, from its first on; their margins are the progressive
    ///   predictions. `residuals` then holds those of the examples behind them. Nil when these cannot be the margins of
    ///   passes over `window` and `tried`: an owner computes otherwise, and the same round would come for ever.
    package mutating func received(
        margins: Span<Double>, labels: Span<Float>, importances: Span<Float>
    ) -> Int? {
        let (window, tried) = (window, tried)
        guard margins.count == window.count else { return nil }
        var accepted = 0
        for q in window {
            let probability = sigmoid(margins[q - window.lowerBound])
            let importance = Double(importances[q])
            let residual = Float(importance * (probability - Double(labels[q])))
            let isKnown = q < tried.upperBound
            if isKnown && accepted == q - window.lowerBound
                && hasSettled(residual, from: residuals[q], slope: probability * (1 - probability))
            {
                accepted += 1
            } else if isKnown && q > window.lowerBound + accepted {
                residuals[q] = Float(rule.damping * Double(residual) + (1 - rule.damping) * Double(residuals[q]))
            } else {
                // Told for the first time, or the first not learned: its margin comes from learned rows alone.
                residuals[q] = residual
            }
        }
        // What is scored from learned rows alone has settled. (A window that shrank may leave one behind it that was not
        // scored.)
        guard accepted > 0 || tried.isEmpty || position >= scoredEnd else { return nil }
        scoredEnd = window.upperBound
        adapt(accepted, wasCut: window.count < windowMax, triedNothing: tried.isEmpty)
        position += accepted
        known = max(known, window.upperBound)
        roundCount += 1
        return accepted
    }

    private func hasSettled(_ residual: Float, from told: Float, slope: Double) -> Bool {
        if rule.tolerance == 0 { return residual == told }
        return (Double(residual) - Double(told)).magnitude <= rule.tolerance * slope
    }

    /// A window that its batch cut short, or of which nothing was tried, says nothing about the next.
    private mutating func adapt(_ accepted: Int, wasCut: Bool, triedNothing: Bool) {
        guard !wasCut && !triedNothing else { return }
        acceptedLately = (9 * acceptedLately + accepted << 16) / 10
        windowMax = min(Limits.Learning.windowMax, (rule.windowFactor * acceptedLately) >> 16 + 4)
    }
}
