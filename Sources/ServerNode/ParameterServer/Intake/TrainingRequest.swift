internal import Compression
package import Domain
package import Transport

/// The headers of a training post, checked.
package struct TrainingRequest: Sendable {
    package var trainer: ModelName?
    package var sequence: UInt64?
    package var batchLineCount: Int?
    var content = TrainingContent.text(.vw)
    /// How the body is packed; nil where it is not.
    var coding: ContentCoding?

    /// Whether the answer's lines are sent while the body comes.
    var isStreamed: Bool { batchLineCount != nil || content == .tensors }

    package struct Problem: Error {
        var status: Int
        var text: String
    }

    package init(_ exchange: Exchange) throws(Problem) {
        if let type = exchange.header("content-type")?.split(separator: ";").first {
            guard let content = TrainingContent(type: type.trimmingBlanks.lowercased()) else {
                let known = TrainingContent.knownTypes.joined(separator: ", ")
                throw Problem(status: 415, text: "content type '\(type)' is not read; known are \(known)")
            }
            self.content = content
        }
        if let name = exchange.header("content-encoding"), name != "identity" {
            guard let coding = ContentCoding(rawValue: name.lowercased()) else {
                let known = ContentCoding.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(
                    status: 415, text: "content encoding '\(name)' is not read; known are \(known) and none")
            }
            self.coding = coding
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
            guard content != .tensors else {
                throw Problem(status: 400, text: "sluice-batch-lines: tensors have no lines; leave it out")
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
