/// The options of Vowpal Wabbit that are taken, and how they are written.
///
/// - Source: `vw --help` of Vowpal Wabbit 9.11.
enum OptionGrammar {
    enum Kind {
        /// Stands alone.
        case flag
        /// One value; given twice, both must agree.
        case value
        /// A value, as often as one likes.
        case list
    }

    /// Whether a saved model keeps an option.
    enum Keeping {
        case never
        case always
        /// Only a model that learning can go on with.
        case whenResumable
    }

    struct Option {
        var kind: Kind
        var keeping = Keeping.never
    }

    /// Long names of one-letter options.
    static let shortNames: [Character: String] = [
        "d": "data", "b": "bit_precision", "q": "quadratic", "C": "constant", "f": "final_regressor",
        "i": "initial_regressor", "p": "predictions", "r": "raw_predictions", "t": "testonly", "c": "cache",
        "k": "kill_cache", "l": "learning_rate", "P": "progress", "a": "audit",
    ]

    static let options: [String: Option] = {
        var table: [String: Option] = [:]
        func add(_ names: String, _ kind: Kind, _ keeping: Keeping = .never) {
            for name in names.split(separator: " ") { table[String(name)] = Option(kind: kind, keeping: keeping) }
        }
        add(
            """
            testonly holdout_off cache kill_cache audit quiet onethread dont_output_best_constant no_stdin predict_only_model \
            save_resume preserve_performance_counters leave_duplicate_interactions normal_weights random_weights \
            random_positive_weights driver_output_off
            """, .flag)
        add("noconstant ftrl coin pistol freegrad binary", .flag, .always)
        add("sgd adaptive normalized invariant", .flag, .whenResumable)
        add(
            """
            data bit_precision loss_function quantile_tau expectile_q logistic_min logistic_max ftrl_alpha ftrl_beta initial_t \
            decay_learning_rate l1 l2 passes holdout_after holdout_period early_terminate initial_regressor final_regressor \
            predictions raw_predictions readable_model invert_hash constant feature_mask initial_weight random_seed progress \
            min_prediction max_prediction id ring_size example_queue_limit
            """, .value)
        add("link hash hash_seed affix", .value, .always)
        add("learning_rate power_t", .value, .whenResumable)
        add("ngram skips cache_file", .list)
        add("quadratic cubic interactions ignore ignore_linear keep", .list, .always)
        return table
    }()
}

/// A command line or the options kept in a model, taken apart.
struct GivenOptions {
    /// Values by long name, in the order given; a flag has one empty value.
    private(set) var values: [String: [String]] = [:]
    private(set) var positional: [String] = []

    /// - Throws: `VWError.usage`, which names the option that is not taken.
    init(_ arguments: [String]) throws(VWError) {
        var at = 0
        while at < arguments.count {
            let argument = arguments[at]
            at += 1
            guard let (name, shown, joined) = Self.name(of: argument) else {
                positional.append(argument)
                continue
            }
            guard let option = OptionGrammar.options[name] else {
                throw .usage("'\(shown)' is not an option that sluice vw takes; docs/VOWPAL_WABBIT.md lists them")
            }
            if option.kind == .flag {
                guard joined == nil else { throw .usage("'\(shown)' takes no value") }
                values[name] = [""]
                continue
            }
            guard let value = joined ?? (at < arguments.count ? arguments[at] : nil) else {
                throw .usage("'\(shown)' wants a value")
            }
            if joined == nil { at += 1 }
            if option.kind == .value, let before = values[name]?.first, before != value {
                throw .usage("'\(shown)' is given twice, as \(before) and as \(value)")
            }
            values[name, default: []].append(value)
        }
    }

    /// The long name of what may be an option, how it was written, and a value that is part of it.
    private static func name(of argument: String) -> (String, shown: String, joined: String?)? {
        if argument.hasPrefix("--") && argument.count > 2 {
            let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), "--\(parts[0])", parts.count == 2 ? String(parts[1]) : nil)
        }
        guard argument.hasPrefix("-"), let letter = argument.dropFirst().first, !letter.isNumber, letter != "."
        else { return nil }
        let rest = argument.dropFirst(2)
        return (
            OptionGrammar.shortNames[letter] ?? "-\(letter)", "-\(letter)",
            rest.isEmpty ? nil : String(rest.first == "=" ? rest.dropFirst() : rest)
        )
    }

    func has(_ name: String) -> Bool { values[name] != nil }
    func list(_ name: String) -> [String] { values[name] ?? [] }
    func text(_ name: String) -> String? { values[name]?.first }

    func float(_ name: String) throws(VWError) -> Float? {
        guard let text = text(name) else { return nil }
        guard let number = Float(text), number.isFinite else { throw .usage("--\(name) wants a number, not '\(text)'") }
        return number
    }

    func count(_ name: String) throws(VWError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(text), number >= 0 else { throw .usage("--\(name) wants a count, not '\(text)'") }
        return number
    }

    /// Adds what a model keeps; where both say something, the command line may differ only in how fast to learn and
    /// in what is crossed.
    ///
    /// - Returns: whether the command line's crosses stand instead of the model's.
    mutating func add(kept: GivenOptions) throws(VWError) -> Bool {
        let crosses: Set = ["quadratic", "cubic", "interactions"]
        let isCrossedAnew = crosses.contains { has($0) } && crosses.contains { kept.has($0) }
        for (name, theirs) in kept.values where !(isCrossedAnew && crosses.contains(name)) {
            guard let ours = values[name] else {
                values[name] = theirs
                continue
            }
            switch OptionGrammar.options[name]?.kind {
            case .list: values[name] = theirs + ours.filter { !theirs.contains($0) }
            case .value where name != "learning_rate" && name != "power_t" && ours != theirs && name != "id":
                throw .usage("--\(name) is \(ours[0]) here, but \(theirs[0]) in the model")
            default: break
            }
        }
        return isCrossedAnew
    }
}
