package import Domain
package import Features
package import Transport

/// The headers of a training post, checked.
package struct TrainingRequest: Sendable {
    package var trainer: ModelName?
    package var sequence: UInt64?
    package var batchLineCount: Int?
    package var format = ExampleFormat.vw

    package struct Problem: Error {
        var status: Int
        var text: String
    }

    /// What clients say that do not say what they send.
    private static let otherNamesOfText = [
        "text/x-vw", "application/x-vw-text", "application/octet-stream", "application/x-www-form-urlencoded",
    ]

    package init(_ exchange: Exchange) throws(Problem) {
        if let type = exchange.header("content-type")?.split(separator: ";").first {
            let name = type.trimmingBlanks.lowercased()
            let format =
                ExampleFormat.allCases.first { $0.contentType == name }
                ?? (Self.otherNamesOfText.contains(name) ? .vw : nil)
            guard let format else {
                let known = ExampleFormat.allCases.map(\.contentType).joined(separator: ", ")
                throw Problem(status: 415, text: "content type '\(type)' is not read; known are \(known)")
            }
            self.format = format
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

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var text = drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }
}
