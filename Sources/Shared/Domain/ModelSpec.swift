/// What a model is: how names become indices, and how it learns. Read from YAML by `Configuration`.
package struct ModelSpec: Equatable, Sendable {
    /// The index space is 0 ..< 2^bits.
    package var bits = 22
    package var hashing = Hashing()
    /// Bins and leaves of trees in place of numbers.
    package var transforms = Transforms.none
    /// Products of features that every example has beside its own.
    package var crosses: [Cross] = []
    /// What the columns of CSV are; nil for a model that is not sent any.
    package var columns: Columns?
    package var learner = Learner.ftrl(alpha: 0.4, beta: 1, l1: 0, l2: 0)
    package var settle = Settle.exact

    package init() {}

    /// How a feature's name becomes an index. VW's rules, bit for bit.
    package struct Hashing: Equatable, Sendable {
        package enum Mode: String, Sendable, CaseIterable {
            /// Names that are digits are their own number (VW's default).
            case strings
            /// Every name is hashed; recommended for ids that are not dense.
            case all
        }
        package var mode = Mode.strings
        package var seed: UInt32 = 0
        /// Whether every example has VW's constant feature.
        package var constant = true

        package init() {}
    }

    /// The rule of learning with its rates. Source: McMahan et al. 2013 (FTRL-Proximal); Duchi et al. 2011 (AdaGrad); Ross,
    /// Mineiro and Langford 2013 with Karampatziakis and Langford 2011 (NAG with importance-invariant steps).
    package enum Learner: Equatable, Sendable {
        case ftrl(alpha: Float, beta: Float, l1: Float, l2: Float)
        case adagrad(rate: Float)
        /// Vowpal Wabbit's default rule. A step depends on all features of its example, so the model has one owner.
        case nag(rate: Float)

        /// Whether a model may go on under `other`: the same rule, so that its rows mean the same.
        package func hasSameRule(as other: Self) -> Bool {
            switch (self, other) {
            case (.ftrl, .ftrl), (.adagrad, .adagrad), (.nag, .nag): true
            default: false
            }
        }

        /// Floats that the learner keeps of a row.
        package var rowFloatCount: Int {
            switch self {
            case .ftrl, .adagrad: 2
            case .nag: 3
            }
        }

        /// Whether rows of one model may be on several owners.
        package var spreads: Bool {
            switch self {
            case .ftrl, .adagrad: true
            case .nag: false
            }
        }
    }

    /// When a residual counts as settled, where several examples are scored at a time (docs/decisions/0008).
    package enum Settle: String, Sendable, CaseIterable {
        /// When it no longer changes: the weights are those of plain sequential learning, bit for bit.
        case exact
        /// When it moves little: faster over several owners. The weights are a function of the order of examples and of
        /// where batches end, the same for any number of owners.
        case tolerant
    }

    package var indexCount: Int { 1 << bits }

    /// Names how examples become indices: two plans with one fingerprint give the same indices for the same text.
    package var fingerprint: Fingerprint {
        var plan = "bits \(bits) hash \(hashing.mode.rawValue) seed \(hashing.seed) constant \(hashing.constant)"
        if !crosses.isEmpty { plan += " crosses \(crosses.map(\.text))" }
        if !transforms.isEmpty { plan += " transforms \(transforms.hash.hexDigits)" }
        // Text of this format becomes other features under other columns, as names do under another hash.
        if let columns { plan += " columns \(columns.text)" }
        return Fingerprint(ContentHash(of: plan).value)
    }
}
