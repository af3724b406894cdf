internal import ArgumentParser
internal import Domain
internal import Foundation
internal import SystemPackage
internal import Transport

struct PredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Ask a worker: one probability a line.")

    @Option(help: "HOST:PORT of a worker.") var worker = "127.0.0.1:8000"
    @Option(help: "The model.") var model: String
    @Option(help: "Lines of one request.") var batch = 100
    @Argument(help: "Vowpal Wabbit text; '-' for standard input.") var file = "-"

    func validate() throws {
        guard Limits.Predicting.exampleCountMax >= batch, batch > 0 else {
            throw ValidationError("--batch must be from 1 to \(Limits.Predicting.exampleCountMax)")
        }
    }

    func run() async throws {
        _ = try modelPath(model)
        let node = try await NodeClient.connect(worker, commandLoops)
        let lines = try readText(file).split(whereSeparator: \.isNewline)
        for start in stride(from: 0, to: lines.count, by: batch) {
            let part = lines[start..<min(start + batch, lines.count)]
            let data = part.map { jsonString($0) }.joined(separator: ",")
            let answer = try await node.json(
                .post, "/v2/models/\(model)/infer",
                body:
                    "{\"inputs\":[{\"name\":\"line\",\"shape\":[\(part.count)],\"datatype\":\"BYTES\",\"data\":[\(data)]}]}"
            )
            let outputs = answer["outputs"] as? [[String: Any]]
            let numbers = outputs?.first?["data"] as? [NSNumber] ?? []
            try FileDescriptor.standardOutput.writeAll(numbers.map { "\($0.floatValue)\n" }.joined().utf8)
        }
    }
}
