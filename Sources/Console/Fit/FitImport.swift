internal import ArgumentParser
internal import Domain
internal import Fitting

struct FitImport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "The trees of an XGBoost (JSON) or LightGBM (text) model.",
        discussion: """
            A leaf becomes a feature TREE=LEAF of the namespace, numbered as pred_leaf numbers it. The model's feature names are taken
            for namespace^name, unless --input names them in the model's order.
            """)

    @Argument(help: "The model's file.") var model: String
    @OptionGroup var options: FitOptions
    @Option(name: .customLong("input"), help: "The model's inputs, as namespace^name. Once for each, in its order.")
    var inputs: [String] = []
    @Option(help: "The namespace of the leaves.") var namespace = "tree"

    func run() throws {
        let spec = try options.readSpec()
        let text = try readText(model)
        let imported: ImportedTrees
        do throws(TransformError) { imported = try ImportedTrees(text) } catch {
            throw CommandFailure("\(model): \(error)")
        }
        let texts = inputs.isEmpty ? imported.inputNames : inputs
        guard !texts.isEmpty || imported.trees.allSatisfy({ $0.nodes.count == 1 }) else {
            throw CommandFailure("\(model) names no inputs; name them in its order with --input namespace^name")
        }
        guard texts.count >= imported.inputNames.count else {
            throw CommandFailure(
                "\(model): the trees compare \(imported.inputNames.count) inputs, but \(inputs.count) are named")
        }
        let names = try texts.map { text in
            guard let name = FeatureName(text) else {
                throw CommandFailure(
                    "\(model): '\(text)' names no feature here; name the inputs with --input namespace^name")
            }
            return name
        }
        let forest: Forest
        do throws(TransformError) {
            forest = try Forest(namespace: namespace, inputs: names, trees: imported.trees)
        } catch { throw CommandFailure("\(model): \(error)") }
        report("\(imported.trees.count) trees, \(imported.trees.reduce(0) { $0 + $1.nodes.count / 2 + 1 }) leaves")
        try options.write(spec, forest: forest)
    }
}
