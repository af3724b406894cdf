internal import ArgumentParser
internal import Domain

/// How text is cut into batches.
struct BatchOptions: ParsableArguments {
    @Option(help: "Lines of one batch; learn cuts only a tolerant model's text into batches.")
    var batchLines = Limits.Learning.batchLineCount

    func validate() throws {
        guard Limits.Training.batchLines.contains(batchLines) else {
            throw ValidationError("--batch-lines wants 1 to \(Limits.Training.batchLines.upperBound)")
        }
    }
}
