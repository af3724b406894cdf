internal import ArgumentParser
internal import Scoring
internal import SystemPackage

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "A saved model's weights as other tools read them.",
        discussion: """
            safetensors: tensors 'indices' (u64) and 'weights' (f32) of the weights that are not 0. vw: the text of Vowpal Wabbit's
            --readable_model. `sluice-server export` makes a saved model of a server group's snapshots.
            """)

    @Argument(help: "The folder of a saved model.") var folder: String
    @Option(help: "safetensors or vw.") var format: ModelExport
    @Option(help: "The file to write.") var to: String

    func run() throws {
        let model = try ModelFile.read(from: FilePath(folder))
        try format.write(model, to: FilePath(to))
        print("\(to): version \(model.version) digest \(model.digest)")
    }
}

extension ModelExport: ExpressibleByArgument {}
