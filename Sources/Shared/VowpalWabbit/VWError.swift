package import SystemPackage

/// Why a run of `sluice vw` cannot begin or go on, in a sentence.
package enum VWError: Error, Sendable, CustomStringConvertible {
    /// The options are not ones it takes, or do not go together.
    case usage(String)
    /// A file is not what it should be.
    case file(path: String, String)
    case system(path: String, Errno)

    package var description: String {
        switch self {
        case .usage(let sentence): sentence
        case .file(let path, let what): "\(path): \(what)"
        case .system(let path, let error): "\(path): \(error)"
        }
    }
}
