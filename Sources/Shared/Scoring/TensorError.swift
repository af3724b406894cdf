internal import Domain

/// Why tensors are no examples of this model.
package enum TensorError: Error, Equatable, Sendable {
    case offsetsNotSorted(at: Int)
    case offsetsDoNotStartAtZero
    case offsetsDoNotEndAtFeatureCount(last: Int, featureCount: Int)
    case indexTooLarge(at: Int, index: UInt32, limit: Int)
    /// NaN, infinite, or beyond `Limits.Features.valueMagnitudeMax`.
    case valueOutOfRange(at: Int)
    /// A candidate's are those of its context and its own.
    case tooManyFeatures(example: Int, count: Int, limit: Int)
    /// The context has it, not its candidates.
    indirect case context(TensorError)
    /// The numbers could not be read; the sentence says why.
    case unreadable(String)
}

extension TensorError {
    /// In words, by the names that tensors have in requests.
    package var sentence: String {
        switch self {
        case .offsetsNotSorted(let at): "'offsets' must rise: element \(at) is below the one before"
        case .offsetsDoNotStartAtZero: "'offsets' must begin with 0"
        case .offsetsDoNotEndAtFeatureCount(let last, let count):
            "'offsets' ends with \(last), but 'indices' has \(count) elements"
        case .indexTooLarge(let at, let index, let limit):
            "'indices', element \(at): \(index) is not below this model's \(limit)"
        case .valueOutOfRange(let at):
            "'values', element \(at) is NaN, infinite or beyond \(Int(Limits.Features.valueMagnitudeMax))"
        case .tooManyFeatures(let example, let count, let limit):
            "example \(example) has \(count) features; at most \(limit)"
        case .context(let problem): "the context: \(problem.sentence)"
        case .unreadable(let what): what
        }
    }
}
