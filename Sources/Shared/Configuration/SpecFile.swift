package import Domain
internal import Yams

/// Reads a model's spec from YAML. Every key is known or refused; what is left out has its default.
///
///     bits: 22
///     loss: logistic
///     learner: {rule: ftrl, alpha: 0.4, beta: 1, l1: 0, l2: 0}
///     settle: exact
///     hash: strings
///     hash_seed: 0
///     constant: true
///     crosses: [ua, uat, "::"]
///     columns: {label: click, numbers: [age], categories: [site]}
///     transforms: {bins: {"n^age": [0x1.4p+4, 0x1p+5]}, trees: [{namespace: tree, inputs: ["n^age"], trees: ["0<0x1p+4,l =0 =1"]}]}
extension ModelSpec {
    package init(yaml: String) throws(ConfigurationError) {
        self.init()
        var fields = try Fields(yaml: yaml, of: "the spec")
        if let bits = try fields.integer("bits", in: Limits.Features.indexBits) { self.bits = bits }
        if let loss = try fields.text("loss"), loss != "logistic" {
            throw .init("the spec: loss '\(loss)' is unknown; this release learns 'logistic'")
        }
        if var rates = try fields.fields("learner") {
            learner = try Learner(&rates)
            try rates.refuseRest()
        }
        if let text = try fields.text("settle") {
            guard let known = Settle(rawValue: text) else {
                throw .init("the spec: settle '\(text)' is unknown; write 'exact' or 'tolerant'")
            }
            guard learner.spreads || known == .exact else {
                throw .init(
                    "the spec: settle '\(text)' is for models on several owners; rule 'nag' has one, leave it out")
            }
            settle = known
        }
        if let mode = try fields.text("hash") {
            guard let known = Hashing.Mode(rawValue: mode) else {
                throw .init("the spec: hash '\(mode)' is unknown; write 'strings' or 'all'")
            }
            hashing.mode = known
        }
        if let seed = try fields.integer("hash_seed", in: 0...Int(UInt32.max)) { hashing.seed = UInt32(seed) }
        if let constant = try fields.boolean("constant") { hashing.constant = constant }
        for text in try fields.texts("crosses") ?? [] {
            guard let cross = Cross(text) else {
                throw .init(
                    "the spec: cross '\(text)' is none; write the first letters of 2 to 8 namespaces, ':' for any of them"
                )
            }
            crosses.append(cross)
        }
        if var fields = try fields.fields("transforms") {
            transforms = try Transforms(&fields)
            if hashing.mode == .strings, let (a, b) = transforms.namesOfOneNumber {
                throw .init(
                    "the spec, 'transforms': '\(a)' and '\(b)' are one feature, as with 'hash: strings' a name of digits is its number"
                )
            }
        }
        if var fields = try fields.fields("columns") { columns = try Columns(&fields) }
        guard crosses.count <= Limits.Features.crossCountMax else {
            throw .init("the spec: \(crosses.count) crosses; at most \(Limits.Features.crossCountMax) are taken")
        }
        try fields.refuseRest()
    }

    /// The spec as YAML that reads back equal.
    package var yaml: String {
        var text = """
            bits: \(bits)
            loss: logistic
            learner: \(learner.yaml)
            hash: \(hashing.mode.rawValue)
            hash_seed: \(hashing.seed)
            constant: \(hashing.constant)

            """
        // Left out where it is the default: nodes of the release before refuse a key they do not know.
        if settle != .exact { text += "settle: \(settle.rawValue)\n" }
        if !crosses.isEmpty { text += "crosses: [\(crosses.map { jsonString($0.text) }.joined(separator: ", "))]\n" }
        if !transforms.isEmpty { text += transforms.yaml }
        if let columns { text += columns.yaml }
        return text
    }
}

extension ModelSpec.Learner {
    /// As the value of a spec's `learner`.
    package var yaml: String {
        switch self {
        case .ftrl(let alpha, let beta, let l1, let l2):
            "{rule: ftrl, alpha: \(alpha), beta: \(beta), l1: \(l1), l2: \(l2)}"
        case .adagrad(let rate): "{rule: adagrad, rate: \(rate)}"
        case .nag(let rate): "{rule: nag, rate: \(rate)}"
        }
    }

    /// The same rule with some of its rates changed, such as `alpha: 0.1`.
    package func changed(byYAML yaml: String) throws(ConfigurationError) -> Self {
        var fields = try Fields(yaml: yaml, of: "the rates")
        let changed: Self
        switch self {
        case .ftrl(let alpha, let beta, let l1, let l2):
            changed = .ftrl(
                alpha: try fields.number("alpha", in: Self.rate) ?? alpha,
                beta: try fields.number("beta", in: Self.constant) ?? beta,
                l1: try fields.number("l1", in: Self.constant) ?? l1,
                l2: try fields.number("l2", in: Self.constant) ?? l2)
        case .adagrad(let rate): changed = .adagrad(rate: try fields.number("rate", in: Self.rate) ?? rate)
        case .nag(let rate): changed = .nag(rate: try fields.number("rate", in: Self.rate) ?? rate)
        }
        try fields.refuseRest()
        return changed
    }
    private static let rate: ClosedRange<Float> = 1e-6...1000
    private static let constant: ClosedRange<Float> = 0...1_000_000

    fileprivate init(_ fields: inout Fields) throws(ConfigurationError) {
        switch try fields.text("rule") ?? "ftrl" {
        case "ftrl":
            self = .ftrl(
                alpha: try fields.number("alpha", in: Self.rate) ?? 0.4,
                beta: try fields.number("beta", in: Self.constant) ?? 1,
                l1: try fields.number("l1", in: Self.constant) ?? 0,
                l2: try fields.number("l2", in: Self.constant) ?? 0)
        case "adagrad":
            self = .adagrad(rate: try fields.number("rate", in: Self.rate) ?? 0.1)
        case "nag":
            self = .nag(rate: try fields.number("rate", in: Self.rate) ?? 0.5)
        case let other:
            throw .init("the spec: learner rule '\(other)' is unknown; write 'ftrl', 'adagrad' or 'nag'")
        }
    }
}
