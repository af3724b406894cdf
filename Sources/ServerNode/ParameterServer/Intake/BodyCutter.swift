internal import Domain
internal import Features

/// What a training body is, by its content type.
enum TrainingContent: Sendable, Equatable {
    case text(ExampleFormat)
    /// Batches of indices and values.
    case tensors

    /// Of tensors.
    static let tensorsType = "application/vnd.sluice.csr"

    /// What clients say that do not say what they send, and older names.
    private static let otherNamesOfText = [
        "text/x-vw", "application/x-vw-text", "application/octet-stream", "application/x-www-form-urlencoded",
    ]

    /// Nil for a type that is not read.
    init?(type: String) {
        if let format = ExampleFormat.allCases.first(where: { $0.contentType == type }) {
            self = .text(format)
        } else if type == Self.tensorsType {
            self = .tensors
        } else if Self.otherNamesOfText.contains(type) {
            self = .text(.vw)
        } else {
            return nil
        }
    }

    static let knownTypes = ExampleFormat.allCases.map(\.contentType) + [tensorsType]
}

/// Cuts a body into batches, whatever it is.
struct BodyCutter: Sendable {
    // One of the two: not an enum, whose payload would be copied to be changed.
    private var text: BatchCutter?
    private var tensors: TensorCutter?

    init(_ content: TrainingContent, _ plan: Plan, lineCount: Int?) {
        switch content {
        case .text(let format): text = BatchCutter(plan, format, lineCount: lineCount)
        case .tensors: tensors = TensorCutter(plan)
        }
    }

    mutating func append(_ bytes: RawSpan) {
        text?.append(bytes)
        tensors?.append(bytes)
    }

    /// Whether something is here that no batch has.
    var hasRest: Bool { text?.hasText ?? false || tensors?.hasBytes ?? false }

    mutating func next(endsBody: Bool) throws(BatchCutter.Failure) -> BatchCutter.Batch? {
        if text != nil { return try text?.next(endsText: endsBody) }
        return try tensors?.next(endsBody: endsBody)
    }

    /// Takes back a batch that was learned.
    mutating func recycle(_ batch: consuming ExampleBatch) { text?.recycle(batch) }
}
