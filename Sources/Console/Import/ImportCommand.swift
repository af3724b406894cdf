internal import ArgumentParser
internal import Domain
internal import Scoring
internal import SystemPackage
internal import VowpalWabbit

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Other tools' models as saved models, which 'score' and workers serve.",
        subcommands: [ImportVW.self])
}

/// A model of Vowpal Wabbit as a saved model.
struct ImportVW: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vw", abstract: "A model of Vowpal Wabbit, binary or readable.",
        discussion: """
            Bits, hashing, constant and interactions are those of the model; options that a served model cannot have are refused by name.
            Margins are Vowpal Wabbit's raw predictions, probabilities those of --link logistic.
            """)

    @Argument(help: "The model: a file of -f, or of --readable_model.") var model: String
    @Option(help: "The folder to save it in.") var to: String

    func run() throws {
        let imported: ServableModel
        do throws(VWError) { imported = try servable(try VWRun.readModel(model)) } catch {
            throw CommandFailure("\(error)", isFinal: true)
        }
        try imported.save(to: FilePath(to))
        print("\(to): bits \(imported.spec.bits) digest \(imported.digest)")
    }
}

/// What a model comes to when it is served.
///
/// - Throws: for a model with features that served models do not make.
private func servable(_ model: ModelContents) throws(VWError) -> ServableModel {
    let path = model.path
    let options = try VWOptions(["-i", path]) { _ in model.header.commandLine }
    let missing: [(String, Bool)] = [
        ("--ngram", !options.ngrams.isEmpty), ("--affix", !options.affixes.isEmpty),
        ("--ignore", !options.ignored.isEmpty), ("--keep", options.kept != nil),
        ("--ignore_linear", !options.ignoredAlone.isEmpty), ("--binary", options.isBinary),
        ("--link \(options.link.rawValue)", options.link == .poisson || options.link == .glf1),
    ]
    if let (name, _) = missing.first(where: \.1) {
        throw .file(path: path, "the model has \(name), which a served model cannot have")
    }
    var spec = ModelSpec()
    spec.bits = options.bits
    spec.hashing.mode = options.hashesDigits ? .all : .strings
    spec.hashing.seed = options.hashSeed
    spec.hashing.constant = options.hasConstant
    for term in options.crosses.terms {
        let text = String(decoding: term, as: UTF8.self)
        guard let cross = Cross(text) else {
            throw .file(path: path, "the model crosses '\(text)', which a served model cannot")
        }
        spec.crosses.append(cross)
    }
    guard spec.crosses.count <= Limits.Features.crossCountMax else {
        throw .file(
            path: path,
            "the model has \(spec.crosses.count) crosses; at most \(Limits.Features.crossCountMax) are taken")
    }
    var (indices, values): ([UInt32], [Float]) = ([], [])
    try model.forEachWeight(options) { index, weight in
        indices.append(index)
        values.append(weight)
    }
    let table = WeightTable(indexCount: spec.indexCount)
    table.set(indices.span, values.span)
    var random = SystemRandomNumberGenerator()
    return ServableModel(
        spec: spec, history: .random(using: &random), version: .zero, watermarkMilliseconds: 0, table: table)
}
