/// What a run does: a command line read, with what its model says.
package struct VWOptions: Sendable {
    package enum Rule: String, Sendable { case gradient, ftrl, pistol, coin, freegrad }
    package enum Link: String, Sendable { case identity, logistic, poisson, glf1 }
    package enum InitialWeights: Sendable {
        case zero
        case same(Float)
        case normal, random, randomPositive
    }

    // Where examples come from.
    package var data: String?
    package var readsStandardInput = true
    package var cacheFile: String?
    package var replacesCache = false
    package var passes = 1

    // What their features are.
    package var bits = 18
    package var hashesDigits = false
    package var hashSeed: UInt32 = 0
    package var hasConstant = true
    package var initialConstant: Float = 0
    package var crosses = CrossOptions()
    package var ignored: Set<UInt8> = []
    /// Nil: all.
    package var kept: Set<UInt8>?
    package var ignoredAlone: Set<UInt8> = []
    package var ngrams = GramOptions()
    package var affixes: [UInt8: [Affix]] = [:]

    // How they are learned.
    package var learns = true
    package var rule = Rule.gradient
    package var loss = VWLoss.squared
    package var isAdaptive = true
    package var isNormalized = true
    package var isInvariant = true
    package var learningRate: Float = 0.5
    package var powerT: Float = 0.5
    package var initialT: Float?
    package var decay: Float = 1
    package var l1: Float = 0
    package var l2: Float = 0
    package var alpha: Float = 0.5
    package var beta: Float = 1
    package var initialWeights = InitialWeights.zero
    package var randomSeed: UInt64 = 0
    package var featureMask: String?

    // What is held out.
    package var holdsOut = false
    package var holdoutPeriod = 10
    package var holdoutAfter = 0
    package var earlyTerminatePasses = 3

    // What is predicted and told.
    package var link = Link.identity
    package var isBinary = false
    package var minPrediction: Float?
    package var maxPrediction: Float?
    package var predictions: String?
    package var rawPredictions: String?
    package var audits = false
    package var isQuiet = false
    package var progress = Progress.times(2)
    package var tellsBestConstant = true

    // Models.
    package var initialModel: String?
    package var finalModel: String?
    package var readableModel: String?
    package var invertHash: String?
    package var isPredictOnly = false
    package var preservesCounters = false
    package var id = ""

    /// What a model of this run keeps, as Vowpal Wabbit writes it.
    package var keptText = ""
    /// Sentences that are no reason to stop.
    package var warnings: [String] = []

    package enum Progress: Sendable {
        case times(Float)
        case every(Float)
    }

    package var keepsNames: Bool { audits || invertHash != nil }
    /// Whether learning truncates weights or shrinks them as it goes; only the gradient rule does.
    package var isRegularized: Bool { rule == .gradient && (l1 > 0 || l2 > 0) }
}

/// A prefix or suffix of features' names that becomes a feature of its own.
package struct Affix: Sendable, Equatable {
    package var isPrefix: Bool
    /// Bytes, 1 ... 7.
    package var byteCount: Int
    /// As Vowpal Wabbit packs both into the factor of the hash.
    var code: UInt32 { UInt32(byteCount) << 1 | (isPrefix ? 1 : 0) }
}

/// Neighbouring features of a namespace that become one.
package struct GramOptions: Sendable {
    /// Features of a gram at most, by namespace; 0 for none.
    package var sizes = [Int](repeating: 0, count: 256)
    package var skips = [Int](repeating: 0, count: 256)
    /// As given, for the model.
    package var sizeTexts: [String] = []
    package var skipTexts: [String] = []

    package var isEmpty: Bool { sizeTexts.isEmpty }
}
