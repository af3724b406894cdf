internal import ArgumentParser
internal import Scoring
internal import SystemPackage

struct DigestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest", abstract: "The digest of a model's weights: equal digests, equal weights.")

    @Argument(help: "The folder of a saved model.") var model: String

    func run() async throws {
        let model = try ModelFile.read(from: FilePath(model))
        print("\(model.digest) version \(model.version) history \(model.history)")
    }
}
