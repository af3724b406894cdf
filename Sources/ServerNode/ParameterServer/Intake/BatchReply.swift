internal import Domain
internal import Features

/// The JSON line that answers a batch.
package struct BatchReply: Sendable {
    let number: UInt64?
    let exampleCount: Int
    let errors: LineErrors

    package init(_ batch: BatchCutter.Batch, number: UInt64?) {
        self.number = number
        exampleCount = batch.examples.exampleCount
        errors = batch.errors
    }

    package func line(_ outcome: BatchOutcome) -> String {
        var line = "{"
        if let number { line += "\"sequence\":\(number)," }
        switch outcome {
        case .learned(let version, let history):
            line += "\"outcome\":\"learned\",\"version\":\(version),\"history\":\"\(history)\""
            line += ",\"examples\":\(exampleCount),\"refused\":\(errors.count)"
            if errors.count > 0 {
                let told = errors.told.map {
                    "{\"line\":\($0.line),\"column\":\($0.column),\"reason\":\(jsonString($0.reason.rawValue))}"
                }
                line += ",\"errors\":[\(told.joined(separator: ","))]"
            }
        case .duplicate(let version, let history):
            line += "\"outcome\":\"duplicate\",\"version\":\(version),\"history\":\"\(history)\""
        case .gap(let next): line += "\"outcome\":\"gap\",\"next\":\(next)"
        case .conflict:
            line +=
                "\"outcome\":\"conflict\",\"error\":\"this sequence was learned with other bytes, "
                + "or is older than the last \(Limits.Training.rememberedBatchCount)\""
        case .refused(let reason): line += "\"outcome\":\"refused\",\"error\":\(jsonString(reason))"
        }
        return line + "}\n"
    }
}

extension BatchOutcome {
    /// Whether the trainer may go on to its next batch.
    var isAcceptance: Bool {
        switch self {
        case .learned, .duplicate: true
        case .gap, .conflict, .refused: false
        }
    }
}
