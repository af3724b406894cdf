extension VWOptions {
    /// Reads a command line.
    ///
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - keptBy: the options kept in the model that the line names, read from it.
    package init(
        _ arguments: [String], keptBy model: (_ path: String) throws(VWError) -> String = { _ in "" }
    ) throws(VWError) {
        var given = try GivenOptions(arguments)
        guard given.positional.count <= 1 else {
            throw .usage("one file of examples is read, but \(given.positional.joined(separator: " ")) are given")
        }
        initialModel = given.text("initial_regressor")
        if let initialModel {
            let kept = try GivenOptions(try model(initialModel).split(separator: " ").map(String.init))
            if try given.add(kept: kept) {
                warnings.append(
                    "model file has set of {-q, --cubic, --interactions} settings stored, but they'll be OVERRIDDEN by set of "
                        + "{-q, --cubic, --interactions} settings from command line.")
            }
        }
        if given.has("save_resume") {
            warnings.append(
                "--save_resume flag is deprecated -- learning can now continue on saved models by default.")
        }
        try readSource(given)
        try readFeatures(given)
        try readLearning(given)
        try readRule(given)
        try readOutputs(given)
        keptText = Self.keptText(given, isPredictOnly: isPredictOnly)
    }

    private mutating func readSource(_ given: GivenOptions) throws(VWError) {
        data = given.positional.first ?? given.text("data")
        readsStandardInput = !given.has("no_stdin")
        if let data, data.hasSuffix(".gz") {
            throw .usage(
                "\(data) is compressed, which is not read here; give it as standard input: zcat \(data) | sluice vw …")
        }
        let caches = given.list("cache_file") + (given.has("cache") ? ["\(data ?? "").cache"] : [])
        guard caches.count <= 1 else { throw .usage("one cache file is read or written, but several are named") }
        cacheFile = caches.first
        replacesCache = given.has("kill_cache")
        passes = try given.count("passes") ?? 1
        guard passes == 1 || cacheFile != nil else {
            throw .usage("need a cache file for multiple passes : try using  --cache or --cache_file <name>")
        }
        guard cacheFile == nil || !given.has("invert_hash") else {
            throw .usage("invert_hash is incompatible with a cache file.  Use it in single pass mode only.")
        }
        learns = !given.has("testonly")
        holdoutAfter = try given.count("holdout_after") ?? 0
        holdsOut = (passes > 1 || holdoutAfter > 0) && !given.has("holdout_off")
        holdoutPeriod = try given.count("holdout_period") ?? 10
        guard holdoutPeriod > 0 else { throw .usage("--holdout_period must be above 0") }
        earlyTerminatePasses = try given.count("early_terminate") ?? 3
    }

    private mutating func readFeatures(_ given: GivenOptions) throws(VWError) {
        bits = try given.count("bit_precision") ?? 18
        guard (1...31).contains(bits) else { throw .usage("-b is \(bits), but 1 to 31 bits are possible") }
        switch given.text("hash") ?? "strings" {
        case "strings": hashesDigits = false
        case "all": hashesDigits = true
        case let other: throw .usage("--hash is strings or all, not '\(other)'")
        }
        if let seed = given.text("hash_seed") {
            guard let number = UInt32(seed) else { throw .usage("--hash_seed wants a number, not '\(seed)'") }
            hashSeed = number
        }
        hasConstant = !given.has("noconstant")
        initialConstant = try given.float("constant") ?? 0
        crosses = try CrossOptions(
            quadratic: given.list("quadratic"), cubic: given.list("cubic"), any: given.list("interactions"),
            leavesDuplicates: given.has("leave_duplicate_interactions"))
        ignored = Set(given.list("ignore").flatMap { Array($0.utf8) })
        kept = given.has("keep") ? Set(given.list("keep").flatMap { Array($0.utf8) }) : nil
        ignoredAlone = Set(given.list("ignore_linear").flatMap { Array($0.utf8) })
        if given.has("skips") && !given.has("ngram") { throw .usage("skip cannot be used unless ngram is > 1") }
        ngrams = try GramOptions(given.list("ngram"), skips: given.list("skips"))
        if let affix = given.text("affix") { affixes = try Affix.read(affix) }
        featureMask = given.text("feature_mask")
        randomSeed = UInt64(try given.count("random_seed") ?? 0)
        if let weight = try given.float("initial_weight"), weight != 0 { initialWeights = .same(weight) }
        if given.has("random_positive_weights") { initialWeights = .randomPositive }
        if given.has("random_weights") { initialWeights = .random }
        if given.has("normal_weights") { initialWeights = .normal }
    }

    private mutating func readLearning(_ given: GivenOptions) throws(VWError) {
        let name = given.text("loss_function") ?? "squared"
        let (low, high) = (try given.float("logistic_min"), try given.float("logistic_max"))
        let (tau, q) = (try given.float("quantile_tau"), try given.float("expectile_q"))
        if tau != nil && name != "quantile" { throw .usage("--quantile_tau goes only with --loss_function quantile") }
        if q != nil && name != "expectile" { throw .usage("--expectile_q goes only with --loss_function expectile") }
        if (low ?? high) != nil && name != "logistic" {
            throw .usage("--logistic_min and --logistic_max go only with --loss_function logistic")
        }
        switch name {
        case "squared": loss = .squared
        case "classic": loss = .classic
        case "hinge": loss = .hinge
        case "logistic": loss = .logistic(min: low ?? -1, max: high ?? 1)
        case "quantile": loss = .quantile(tau: tau ?? 0.5)
        case "poisson": loss = .poisson
        case "expectile":
            guard let q, q > 0, q <= 0.5 else {
                throw .usage("--loss_function expectile wants --expectile_q above 0, at most 0.5")
            }
            loss = .expectile(q: q)
        default: throw .usage("'\(name)' is not a loss function that sluice vw has")
        }
        learningRate = try given.float("learning_rate") ?? 0.5
        if learningRate == 0 { learns = false }
        powerT = try given.float("power_t") ?? 0.5
        initialT = try given.float("initial_t")
        decay = try given.float("decay_learning_rate") ?? 1
        (l1, l2) = (max(0, try given.float("l1") ?? 0), max(0, try given.float("l2") ?? 0))
    }

    private mutating func readRule(_ given: GivenOptions) throws(VWError) {
        let others = ["ftrl", "pistol", "coin", "freegrad"].filter { given.has($0) }
        guard others.count <= 1 else { throw .usage("--\(others[0]) and --\(others[1]) do not go together") }
        let named = ["sgd", "adaptive", "normalized", "invariant"].filter { given.has($0) }
        if let other = others.first {
            rule = Rule(rawValue: other) ?? .gradient
        } else if !named.isEmpty {
            isAdaptive = named.contains("adaptive")
            isNormalized = named.contains("normalized")
            isInvariant = named.contains("invariant")
            // Vowpal Wabbit's default rate for a rule that lacks one of both.
            if !given.has("learning_rate") && !(isAdaptive && isNormalized) { learningRate = 10 }
            if !isAdaptive && !isNormalized && initialT == nil { initialT = 1 }
        }
        let defaults: (Float, Float) =
            switch rule {
            case .pistol: (1, 0.5)
            case .coin: (4, 1)
            default: (0.5, 1)
            }
        alpha = try given.float("ftrl_alpha") ?? defaults.0
        beta = try given.float("ftrl_beta") ?? defaults.1
    }

    private mutating func readOutputs(_ given: GivenOptions) throws(VWError) {
        let link = given.text("link") ?? "identity"
        guard let known = Link(rawValue: link) else { throw .usage("'\(link)' is not a link that sluice vw has") }
        self.link = known
        isBinary = given.has("binary")
        minPrediction = try given.float("min_prediction")
        maxPrediction = try given.float("max_prediction")
        predictions = given.text("predictions")
        rawPredictions = given.text("raw_predictions")
        audits = given.has("audit")
        isQuiet = given.has("quiet") || given.has("driver_output_off")
        tellsBestConstant = !given.has("dont_output_best_constant")
        finalModel = given.text("final_regressor")
        readableModel = given.text("readable_model")
        invertHash = given.text("invert_hash")
        isPredictOnly = given.has("predict_only_model")
        preservesCounters = given.has("preserve_performance_counters")
        id = given.text("id") ?? ""
        guard let text = given.text("progress") else { return }
        guard let number = Float(text), number > 0, number.isFinite else {
            throw .usage("-P wants a number above 0, not '\(text)'")
        }
        // A point makes it a factor.
        progress = text.contains(".") ? .times(number) : .every(number)
        if case .times(let factor) = progress, factor <= 1 {
            progress = .times(2)
            warnings.append("multiplicative --progress <float>: '\(text)' is <= 1.0: adjusting to 2.0")
        }
    }

    /// The options that a model keeps: by name, those that are lists of namespaces joined and last.
    private static func keptText(_ given: GivenOptions, isPredictOnly: Bool) -> String {
        let joined = ["ignore", "ignore_linear", "keep"]
        var text = ""
        for (name, values) in given.values.sorted(by: { $0.key < $1.key }) {
            guard let option = OptionGrammar.options[name], !joined.contains(name),
                option.keeping == .always || option.keeping == .whenResumable && !isPredictOnly
            else { continue }
            for value in values {
                let number = option.keeping == .whenResumable ? Float(value).map { shortest($0, digits: 15) } : nil
                text += " --\(name)" + (option.kind == .flag ? "" : " " + (number ?? value))
            }
        }
        for name in joined where given.has(name) {
            let bytes = Set(given.list(name).flatMap { Array($0.utf8) }).sorted()
            text += " --\(name) " + String(decoding: bytes, as: UTF8.self)
        }
        if let seed = given.text("random_seed"), seed != "0" { text += " --random_seed \(seed)" }
        return text
    }
}

extension GramOptions {
    package init(_ sizes: [String], skips: [String]) throws(VWError) {
        self.init()
        (sizeTexts, skipTexts) = (sizes, skips)
        for text in sizes { try Self.set(&self.sizes, text, "ngram") }
        for text in skips { try Self.set(&self.skips, text, "skips") }
    }

    private static func set(_ counts: inout [Int], _ text: String, _ name: String) throws(VWError) {
        let bytes = Array(text.utf8)
        let isForAll = bytes.first.map { (0x30...0x39).contains($0) } ?? false
        // A model keeps three bytes of each.
        guard bytes.count <= 3, let number = Int(isForAll ? text[...] : text.dropFirst()), number > 0 else {
            throw .usage("--\(name) wants a number, or a namespace's letter and a number, not '\(text)'")
        }
        if isForAll { counts = Array(repeating: number, count: 256) } else { counts[Int(bytes[0])] = number }
    }
}

extension Affix {
    /// Reads `+2a,-3b,+1`: two-byte prefixes of namespace a, three-byte suffixes of b, one-byte prefixes of the
    /// unnamed one.
    static func read(_ text: String) throws(VWError) -> [UInt8: [Affix]] {
        var affixes: [UInt8: [Affix]] = [:]
        for part in text.split(separator: ",") {
            var bytes = Array(part.utf8)[...]
            let isPrefix = bytes.first != UInt8(ascii: "-")
            if bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
            guard let digit = bytes.popFirst(), (0x31...0x37).contains(digit), bytes.count <= 1 else {
                throw .usage("--affix wants parts like +2a, with 1 to 7 bytes, not '\(part)'")
            }
            let affix = Affix(isPrefix: isPrefix, byteCount: Int(digit - 0x30))
            // The one named last comes first, as in Vowpal Wabbit.
            affixes[bytes.first ?? UInt8(ascii: " "), default: []].insert(affix, at: 0)
        }
        return affixes
    }
}
