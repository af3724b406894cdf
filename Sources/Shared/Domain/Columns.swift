/// How a table's columns are told apart: which are numbers, which are names, and where label and importance stand.
package struct Columns: Equatable, Sendable {
    package let label: String
    package let importance: String?
    /// A number of the column `age` is the feature `age` of the namespace `age`.
    package let numbers: [String]
    /// A value of the column `site` is a feature of the namespace `site`.
    package let categories: [String]

    /// - Throws: a sentence that says what is wrong.
    package init(
        label: String = "label", importance: String? = nil, numbers: [String] = [], categories: [String] = []
    ) throws(ColumnsError) {
        let all = [label] + (importance.map { [$0] } ?? []) + numbers + categories
        if all.contains("") { throw .init("a column has no name") }
        var seen: Set<String> = []
        for name in all where !seen.insert(name).inserted { throw .init("column '\(name)' stands twice") }
        guard !(numbers + categories).isEmpty else { throw .init("neither numbers nor categories are named") }
        guard numbers.count + categories.count < Limits.Features.perExampleMax else {
            throw .init("more columns than the \(Limits.Features.perExampleMax) features of an example")
        }
        (self.label, self.importance, self.numbers, self.categories) = (label, importance, numbers, categories)
    }

    /// What is hashed of it into a plan's fingerprint: what stands where.
    var text: String {
        func list(_ names: [String]) -> String { "[\(names.map(jsonString).joined(separator: ", "))]" }
        let importance = importance.map { " importance \(jsonString($0))" } ?? ""
        return "label \(jsonString(label))\(importance) numbers \(list(numbers)) categories \(list(categories))"
    }
}

package struct ColumnsError: Error, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
