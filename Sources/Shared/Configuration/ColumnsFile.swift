package import Domain

/// The value of a spec's key `columns`:
///
///     columns: {label: click, importance: weight, numbers: [age, price], categories: [site, device]}
extension Columns {
    init(_ fields: inout Fields) throws(ConfigurationError) {
        let label = try fields.text("label") ?? "label"
        let importance = try fields.text("importance")
        let numbers = try fields.texts("numbers") ?? []
        let categories = try fields.texts("categories") ?? []
        try fields.refuseRest()
        do throws(ColumnsError) {
            self = try Columns(label: label, importance: importance, numbers: numbers, categories: categories)
        } catch { throw .init("the spec, 'columns': \(error)") }
    }

    /// The key with its value, as YAML that reads back equal.
    package var yaml: String {
        func list(_ names: [String]) -> String { "[\(names.map(jsonString).joined(separator: ", "))]" }
        var text = "columns: {label: \(jsonString(label))"
        if let importance { text += ", importance: \(jsonString(importance))" }
        if !numbers.isEmpty { text += ", numbers: \(list(numbers))" }
        if !categories.isEmpty { text += ", categories: \(list(categories))" }
        return text + "}\n"
    }
}
