package import Domain
package import Transport

/// The headers of a training post, checked.
package struct TrainingRequest: Sendable {
    package var trainer: ModelName?
    package var sequence: UInt64?
    package var batchLineCount: Int?

    package struct Problem: Error {
        var status: Int
        var text: String
    }

    package init(_ exchange: Exchange) throws(Problem) {
        if let type = exchange.header("content-type")?.split(separator: ";").first {
            let known = ["text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "text/x-vw"]
            guard known.contains(type.lowercased()) else {
                throw Problem(status: 415, text: "content type '\(type)' is not read; send text/plain")
            }
        }
        if let encoding = exchange.header("content-encoding"), encoding != "identity" {
            throw Problem(status: 415, text: "content encoding '\(encoding)' is not read; send the text as it is")
        }
        if let name = exchange.header("sluice-trainer") {
            guard let name = ModelName(name) else {
                throw Problem(
                    status: 400, text: "sluice-trainer: write 1 to 64 letters, digits, '_', '-' or '.'")
            }
            trainer = name
        }
        if let text = exchange.header("sluice-sequence") {
            guard let number = UInt64(text), number > 0, number < UInt64(Int64.max) else {
                throw Problem(status: 400, text: "sluice-sequence: '\(text)' is not a number from 1 on")
            }
            sequence = number
        }
        guard (trainer == nil) == (sequence == nil) else {
            throw Problem(status: 400, text: "sluice-trainer and sluice-sequence go together")
        }
        if let text = exchange.header("sluice-batch-lines") {
            guard let count = Int(text), Limits.Training.batchLines.contains(count) else {
                let range = Limits.Training.batchLines
                throw Problem(
                    status: 400,
                    text:
                        "sluice-batch-lines: '\(text)' is not a number from \(range.lowerBound) to \(range.upperBound)")
            }
            batchLineCount = count
        }
    }
}
