internal import ArgumentParser
internal import Foundation
internal import Transport

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What nodes and models are doing, as a table or JSON.")

    @Option(help: "HOST:PORT of a server node; once for each.") var server = ["127.0.0.1:9000"]
    @Option(help: "HOST:PORT of a worker; once for each.") var worker: [String] = []
    @Flag(help: "JSON, one object a line.") var json = false

    func run() async throws {
        var rows: [[String]] = []
        var failed = 0
        for address in server + worker {
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
                rows.append([address, "-", "-", "unreachable", "", "", "", ""])
                report("\(error)")
            }
        }
        if !json {
            printTable(["ADDRESS", "NODE", "MODEL", "STATE", "VERSION", "AGE", "LOSS", "FOLLOWERS"], rows)
        }
        if failed > 0 { throw ExitCode(1) }
    }
}

func statusRows(_ address: String, _ status: [String: Any]) -> [[String]] {
    let node = status["node"] as? String ?? "?"
    let models = status["models"] as? [[String: Any]] ?? []
    guard !models.isEmpty else { return [[address, node, "-", "no models", "", "", "", ""]] }
    return models.map { model in
        let validation = model["validation"] as? [String: Any]
        let age = (model["age_ms"] as? Double).map { fixed($0 / 1000, 3) + " s" } ?? ""
        let state =
            model["state"] as? String ?? ((model["connected"] as? Bool ?? false) ? "following" : "serving on")
        return [
            address, node, model["model"] as? String ?? "?", state, (model["version"] as? NSNumber)?.stringValue ?? "",
            age,
            (validation?["log_loss"] as? Double).map { fixed($0, 6) } ?? "",
            (model["followers"] as? NSNumber)?.stringValue ?? "",
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
