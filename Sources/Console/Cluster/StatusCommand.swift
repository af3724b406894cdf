internal import ArgumentParser
internal import Foundation
internal import Transport

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What nodes and models are doing, as a table or JSON.")

    @Option(help: "HOST:PORT of a server node; once for each. 127.0.0.1:9000 where nothing is named.")
    var server: [String] = []
    @Option(help: "HOST:PORT of a worker; once for each.") var worker: [String] = []
    @Flag(help: "JSON, one object a line.") var json = false

    func run() async throws {
        var rows: [[String]] = []
        var failed = 0
        let named = server + worker
        for address in named.isEmpty ? ["127.0.0.1:9000"] : named {
            do {
                let status = try await NodeClient.connect(address, commandLoops).json(.get, "/v1/status")
                if json {
                    print(
                        String(
                            decoding: try JSONSerialization.data(withJSONObject: status, options: .sortedKeys),
                            as: UTF8.self))
                }
                rows += statusRows(address, status)
            } catch {
                failed += 1
                rows.append(row([address, "-", "-", "unreachable"]))
                report("\(error)")
            }
        }
        if !json {
            printTable(statusColumns, rows)
        }
        if failed > 0 { throw ExitCode(1) }
    }
}

private let statusColumns = [
    "ADDRESS", "NODE", "MODEL", "STATE", "VERSION", "AGE", "LOSS", "FOLLOWERS", "SHARD", "ROUNDS/S", "ACCEPTED",
    "ROUND",
    "WAITS FOR",
]

/// A row whose last cells are empty.
private func row(_ cells: [String]) -> [String] {
    cells + Array(repeating: "", count: statusColumns.count - cells.count)
}

func statusRows(_ address: String, _ status: [String: Any]) -> [[String]] {
    let node = status["node"] as? String ?? "?"
    let models = status["models"] as? [[String: Any]] ?? []
    guard !models.isEmpty else { return [row([address, node, "-", "no models"])] }
    return models.map { model in
        let validation = model["validation"] as? [String: Any]
        let age = (model["age_ms"] as? Double).map { fixed($0 / 1000, 3) + " s" } ?? ""
        let following = (model["connected"] as? Bool ?? false) ? "following" : "serving on"
        let owners = (model["owners"] as? [Any])?.count ?? 1
        let shard = (model["shard"] as? NSNumber).map { "\($0) of \(owners)" }
        // Rounds are the clock's to count.
        let hasRounds = owners > 1 && model["clock"] as? Bool == true
        func number(_ key: String, _ digits: Int, _ unit: String = "") -> String {
            guard hasRounds, let value = model[key] as? Double else { return "" }
            return fixed(value, digits) + unit
        }
        let hasRows = shard != nil || model["state"] == nil || model["state"] as? String == "closed"
        return [
            address, node, model["model"] as? String ?? "?",
            hasRows ? model["state"] as? String ?? following : "takes traffic",
            hasRows ? (model["version"] as? NSNumber)?.stringValue ?? "" : "",
            age,
            (validation?["log_loss"] as? Double).map { fixed($0, 6) } ?? "",
            (model["followers"] as? NSNumber)?.stringValue ?? "", shard ?? "", number("rounds_per_second", 0),
            number("accepted_per_round", 1), number("round_us", 0, " us"), model["waits_for"] as? String ?? "",
        ]
    }
}

/// Columns as wide as their widest cell.
func printTable(_ head: [String], _ rows: [[String]]) {
    let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
    for row in [head] + rows {
        let cells = row.indices.map { row[$0] + String(repeating: " ", count: widths[$0] - row[$0].count) }
        print(cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces))
    }
}
