internal import Domain
internal import Features
internal import Format
internal import Learning

/// VW's progress columns, at powers of two; and the summary behind them.
struct LearnProgress {
    let isQuiet: Bool
    private var next: UInt64 = 1
    private var sinceLast = Validation.Sums()
    private(set) var errorCount = 0

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    func begin() {
        guard !isQuiet else { return }
        print("average  since         example        example  current        current  current")
        print("loss     last          counter         weight    label        predict features")
    }

    mutating func tell(_ errors: LineErrors, file: String) {
        for error in errors.told { report("\(file): \(error)") }
        errorCount += errors.count
    }

    func examplesUntilNext(after count: UInt64) -> Int { Int(next - count) }

    mutating func learned(_ batch: borrowing ExampleBatch, _ learner: borrowing Learner) {
        guard learner.exampleCount >= next else { return }
        while next <= learner.exampleCount { next *= 2 }
        let total = learner.validation.total
        let since = total - sinceLast
        sinceLast = total
        guard !isQuiet else { return }
        let e = learner.lastExample
        print(
            [
                fixed(total.logLoss, 6), fixed(since.logLoss, 6), pad(String(learner.exampleCount), 12),
                pad(fixed(total.weight, 1), 14), pad(batch.labels[e] > 0.5 ? "1" : "-1", 8),
                pad(fixed(learner.margins[e], 4), 14), pad(String(batch.features(of: e).count), 8),
            ].joined(separator: " "))
    }

    func finish(_ learner: borrowing Learner, seconds: Double) {
        guard !isQuiet else { return }
        let total = learner.validation.total
        print("\nfinished run")
        print("number of examples = \(learner.exampleCount)")
        if errorCount > 0 { print("refused lines = \(errorCount)") }
        print("average loss = \(fixed(total.logLoss, 6))")
        print("calibration = \(fixed(total.calibration, 4))")
        print("auc = \(fixed(learner.validation.auc, 4))")
        print("examples/s = \(Int(Double(learner.exampleCount) / max(seconds, 1e-9)))")
    }

    func json(_ learner: borrowing Learner, seconds: Double, digest: WeightDigest) -> String {
        let total = learner.validation.total
        return "{\"examples\":\(learner.exampleCount),\"seconds\":\(fixed(seconds, 3)),"
            + "\"log_loss\":\(jsonNumber(total.logLoss)),\"auc\":\(jsonNumber(learner.validation.auc)),"
            + "\"calibration\":\(jsonNumber(total.calibration)),\"version\":\(learner.exampleCount),"
            + "\"digest\":\"\(digest)\",\"refused\":\(errorCount)}"
    }
}
