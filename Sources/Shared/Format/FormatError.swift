/// Why bytes from outside were refused. Each case is something different for the caller to do.
package enum FormatError: Error, Equatable, Sendable {
    /// These bytes are something else, or the stream lost its place: drop the source. `offset` counts from its start.
    case notARecord(offset: UInt64)

    /// The sender is newer or older: upgrade one side.
    case unsupportedVersion(UInt16)

    /// A well-formed record of a kind this program does not know: upgrade it.
    case unsupported(what: String)

    /// The bytes were damaged, or their writer is broken: fetch them again, from elsewhere if it repeats.
    case corrupt(what: String)

    /// The record announces more than the limit: refuse the sender.
    case tooLarge(what: String, count: UInt64, limit: UInt64)

    /// A row lies outside the model: it is another model's record, or the spec changed. Begin again from the spec.
    case outsideModel(index: UInt64, indexLimit: UInt64)
}

extension FormatError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notARecord(let offset):
            "No Sluice record begins at byte \(offset)."
        case .unsupportedVersion(let version):
            "The record has format version \(version); this program reads version \(RecordHeader.formatVersion)."
        case .unsupported(let what):
            "The record is well formed but needs a newer program: \(what)."
        case .corrupt(let what):
            "The record is damaged: \(what)."
        case .tooLarge(let what, let count, let limit):
            "The record announces \(count) \(what); the limit is \(limit)."
        case .outsideModel(let index, let indexLimit):
            "The record has a row with index \(index); the model's indices end at \(indexLimit)."
        }
    }
}
