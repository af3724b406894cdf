/// How examples are written, one a line (docs/FORMAT.md, "Text" and "Other text").
package enum ExampleFormat: String, CaseIterable, Sendable {
    case vw
    case libsvm
    case libffm
    case criteo
    case csv
    case ndjson

    /// Whether a text's first line names what stands in the others.
    package var hasHeader: Bool { self == .csv }

    /// What a request's header calls it.
    package var contentType: String {
        switch self {
        case .vw: "text/plain"
        case .libsvm: "application/x-libsvm"
        case .libffm: "application/x-libffm"
        case .criteo: "text/tab-separated-values"
        case .csv: "text/csv"
        case .ndjson: "application/x-ndjson"
        }
    }
}
