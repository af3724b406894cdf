/// Metrics as Prometheus reads them: text format 0.0.4, families in order, each with its help and type once.
///
/// Built when asked for, from numbers the node keeps anyway; nothing is counted twice and no request pays for it.
package struct MetricsText {
    package static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    package enum Kind: String { case counter, gauge }

    package private(set) var text = ""

    package init() {}

    /// A family and its samples; one without samples is left out.
    ///
    /// - Parameters:
    ///   - name: with its unit and, for a counter, `_total`.
    ///   - samples: label values by label name, and a number; NaN is a number here.
    package mutating func family(
        _ name: String, _ kind: Kind, _ help: String,
        _ samples: [(labels: KeyValuePairs<String, String>, value: Double)]
    ) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
            text += name + (labels.isEmpty ? "" : "{\(labels)}") + " \(number(sample.value))\n"
        }
    }

    private func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : "\(value)"
    }

    private func escaped(_ value: String) -> String {
        var escaped = ""
        for character in value {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
