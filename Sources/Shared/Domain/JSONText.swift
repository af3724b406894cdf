/// Text as a JSON string, quotes included.
package func jsonString(_ text: some StringProtocol) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": quoted += "\\\""
        case "\\": quoted += "\\\\"
        case "\n": quoted += "\\n"
        case "\r": quoted += "\\r"
        case "\t": quoted += "\\t"
        case let control where control.value < 0x20:
            let digits = String(control.value, radix: 16)
            quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + "\""
}

/// A number as JSON has it: the shortest text that reads back to the same bits; null where JSON has no word for it.
package func jsonNumber(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }

/// Fields in order, each value JSON already.
package func jsonObject(
    _ fields: KeyValuePairs<String, String>, _ more: KeyValuePairs<String, String> = [:]
) -> String {
    let texts = (Array(fields) + Array(more)).map { jsonString($0.key) + ":" + $0.value }
    return "{" + texts.joined(separator: ",") + "}"
}
