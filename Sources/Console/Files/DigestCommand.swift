internal import ArgumentParser
internal import Foundation
internal import Scoring
internal import SystemPackage
internal import Transport

struct DigestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest", abstract: "The digest of a model's weights: equal digests, equal weights.",
        discussion: "Of a saved model (a folder), or of a server node and its workers at one version.")

    @Argument(help: "The folder of a saved model.") var folder: String?
    @Option(help: "HOST:PORT of a server node.") var server: String?
    @Option(help: "HOST:PORT of a worker; once for each.") var worker: [String] = []
    @Option(help: "The model on the nodes.") var model: String?

    func run() async throws {
        if let folder {
            let model = try ModelFile.read(from: FilePath(folder))
            return print("\(model.digest) version \(model.version) history \(model.history)")
        }
        guard let server, let model else {
            throw CommandFailure("give a saved model's folder, or --server and --model")
        }
        let path = try modelPath(model)
        // One publish whose range is all rows: every worker compares it at that version.
        let truth = try await NodeClient.connect(server, commandLoops).json(.post, path + "/digest")
        let (digest, version) = (truth["digest"] as? String ?? "", truth["version"] as? Int ?? 0)
        print("\(digest) version \(version) server \(server)")
        var allEqual = true
        for address in worker {
            let answer = try await NodeClient.connect(address, commandLoops)
                .json(.get, path + "/digest?version=\(version)")
            let equal = answer["digest"] as? String == digest && answer["version"] as? Int == version
            allEqual = allEqual && equal
            print(
                "\(answer["digest"] ?? "") version \(answer["version"] ?? "") worker \(address) \(equal ? "equal" : "DIFFERS")"
            )
        }
        if !allEqual { throw ExitCode(1) }
    }
}
