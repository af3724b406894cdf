internal import Domain
internal import Features

/// An owner's half of settled rounds: passes over windows of its rows, with a log that takes back what did not settle.
///
/// Between `run` and `settle` the rows are tentative; whoever else reads them does so behind `settle`.
struct WindowPass: ~Copyable {
    /// Of the last window: its examples' partial margins, in log-odds. Shape [window] and more.
    private(set) var margins: [Double] = []
    private var clampedCounts: [Int32] = []
    private var logEnds: [Int] = []
    private var log: [LoggedRows] = []
    private var loggedCount = 0
    private var weights = [Float](repeating: 0, count: Limits.Features.perExampleMax + ExampleBatch.slack)

    /// Scores the window, tentatively learns `tried`, its first examples.
    ///
    /// - Precondition: `settle` was called for the window before; `residuals` holds those of `tried`, the first that of
    ///   example `residualStart`.
    mutating func run(
        _ rule: some LearningRule, _ table: inout RowTable, _ batch: borrowing ExampleBatch, residuals: [Float],
        from residualStart: Int, window: Range<Int>, tried: Range<Int>
    ) {
        precondition(loggedCount == 0, "a window is settled before the next is passed")
        precondition(window.upperBound <= batch.exampleCount, "the window is in the batch")
        precondition(
            tried.lowerBound == window.lowerBound && tried.upperBound <= window.upperBound, "a prefix is tried")
        precondition(
            tried.isEmpty || (residualStart <= tried.lowerBound && tried.upperBound - residualStart <= residuals.count),
            "a residual for each example tried")
        reserve(window.count, batch.groupCountMax(tried))
        loggedCount = table.withPassColumns(
            batch, residuals: residuals, margins: &margins, clampedCounts: &clampedCounts, logEnds: &logEnds,
            weights: &weights, log: &log
        ) { passWindow(rule, $0, residualStart: residualStart, window: window, tried: tried) }
    }

    /// Keeps the changes of the window's first `accepted` examples, takes the others back.
    ///
    /// - Returns: how many products of the accepted examples were clamped.
    mutating func settle(_ table: inout RowTable, accepted: Int) -> Int {
        let kept = accepted == 0 ? 0 : logEnds[accepted - 1]
        table.undo(log, kept..<loggedCount)
        loggedCount = 0
        return clampedCounts[..<accepted].reduce(0) { $0 + Int($1) }
    }

    private mutating func reserve(_ exampleCount: Int, _ groupCount: Int) {
        if margins.count < exampleCount {
            margins = Array(repeating: 0, count: exampleCount)
            clampedCounts = Array(repeating: 0, count: exampleCount)
            logEnds = Array(repeating: 0, count: exampleCount)
        }
        if log.count < max(1, groupCount) {
            let none = LoggedRows(indices: .zero, first: .zero, second: .zero)
            log = Array(repeating: none, count: max(1, groupCount, min(2 * log.count, Limits.Learning.logGroupCount)))
        }
    }
}

extension ExampleBatch {
    /// At most that many groups of eight features are in the examples of `range`.
    func groupCountMax(_ range: Range<Int>) -> Int {
        guard !range.isEmpty else { return 0 }
        return Int(offsets[range.upperBound] - offsets[range.lowerBound]) / 8 + range.count
    }
}
