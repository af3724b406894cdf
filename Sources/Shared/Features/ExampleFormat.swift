/// How examples are written, one a line (docs/FORMAT.md, "Text" and "Other text").
package enum ExampleFormat: String, CaseIterable, Sendable {
    case vw
    case libsvm
    case libffm
    case criteo
    case csv
    case ndjson
}
