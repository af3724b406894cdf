internal import ArgumentParser
internal import Configuration
internal import Domain

/// A model's spec from a file, with single keys overridden on the command line.
struct ModelOptions: ParsableArguments {
    @Option(help: "A spec in YAML (docs/API.md); the options below override its keys.") var spec: String?
    @Option(name: [.short, .long], help: "Index space of 2^bits.") var bits: Int?
    @Option(help: "ftrl, adagrad, or nag: Vowpal Wabbit's default.") var rule: String?
    @Option(help: "FTRL's alpha.") var alpha: Float?
    @Option(help: "FTRL's beta.") var beta: Float?
    @Option(help: "FTRL's L1.") var l1: Float?
    @Option(help: "FTRL's L2.") var l2: Float?
    @Option(help: "AdaGrad's or NAG's rate.") var rate: Float?
    @Option(help: "exact, or tolerant: learned in settled rounds.") var settle: String?
    @Option(help: "strings or all, as in VW.") var hash: String?
    @Option(help: "Seed of the hash, as in VW.") var hashSeed: Int?
    @Flag(help: "Leave out VW's constant feature.") var noConstant = false
    @Option(
        name: [.customShort("q"), .customLong("cross")],
        help: "Namespaces whose features are crossed, by first letters, such as ua; ':' is any. Once for each.")
    var crosses: [String] = []

    func readSpec() throws -> ModelSpec {
        var base = ModelSpec()
        if let spec { base = try ModelSpec(yaml: try readText(spec)) }
        var lines: [String] = []
        lines.append("bits: \(bits ?? base.bits)")
        lines.append("hash: \(hash ?? base.hashing.mode.rawValue)")
        lines.append("hash_seed: \(hashSeed ?? Int(base.hashing.seed))")
        lines.append("constant: \(noConstant ? false : base.hashing.constant)")
        lines.append("learner: \(try learner(base.learner))")
        lines.append("settle: \(settle ?? base.settle.rawValue)")
        let texts = crosses.isEmpty ? base.crosses.map(\.text) : crosses
        lines.append("crosses: [\(texts.map(jsonString).joined(separator: ", "))]")
        if !base.transforms.isEmpty { lines.append(base.transforms.yaml) }
        if let columns = base.columns { lines.append(columns.yaml) }
        return try ModelSpec(yaml: lines.joined(separator: "\n"))
    }

    /// The rates of the file stand where it has the same rule.
    private func learner(_ base: ModelSpec.Learner) throws -> String {
        var learner = base
        if let rule {
            let plain = try ModelSpec(yaml: "learner: {rule: \(jsonString(rule))}").learner
            if !plain.hasSameRule(as: base) { learner = plain }
        }
        let keys = [("alpha", alpha), ("beta", beta), ("l1", l1), ("l2", l2), ("rate", rate)]
        let changes = keys.compactMap { key, value in value.map { "\(key): \($0)" } }
        return try learner.changed(byYAML: "{\(changes.joined(separator: ", "))}").yaml
    }
}
