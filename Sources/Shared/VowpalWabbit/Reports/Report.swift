/// What a run prints: Vowpal Wabbit's header, table and summary, which scripts read.
///
/// - Source: Vowpal Wabbit's `parse_args.cc`, `shared_data.cc`.
package struct Report {
    private let options: VWOptions
    /// Receives whole lines, with their line feeds.
    private let tell: (String) -> Void
    /// Receives warnings, with their line feeds.
    private let warn: (String) -> Void

    package init(_ options: VWOptions, tell: @escaping (String) -> Void, warn: @escaping (String) -> Void) {
        self.options = options
        self.tell = options.isQuiet ? { _ in } : tell
        self.warn = options.isQuiet ? { _ in } : warn
    }

    /// Where examples come from, as the header says it.
    package enum Source {
        case text(name: String)
        case cache(String)
        case none
    }

    package func header(_ learner: borrowing Learner, source: Source, writesCache: String?) {
        for warning in options.warnings { self.warning(warning) }
        crosses()
        if !options.ignored.isEmpty { namespaces("ignoring namespaces beginning with:", options.ignored) }
        if !options.ignoredAlone.isEmpty {
            namespaces("ignoring linear terms for namespaces beginning with:", options.ignoredAlone)
        }
        if let kept = options.kept { namespaces("using namespaces beginning with:", kept) }
        grams(options.ngrams.sizeTexts, "grams")
        grams(options.ngrams.skipTexts, "skips")
        if !options.learns { line("only testing") }
        if options.l1 > 0 { line("using l1 regularization = \(shortest(options.l1))") }
        if options.l2 > 0 { line("using l2 regularization = \(shortest(options.l2))") }
        if let path = options.finalModel { line("final_regressor = \(path)") }
        if options.invertHash ?? options.readableModel != nil, !options.isPredictOnly {
            log(
                "info",
                "VW 9.0.0 introduced a change to the default model save behavior. Please use '--predict_only_model' when using "
                    + "either '--invert_hash' or '--readable_model' to get the old behavior. Details: https://vowpalwabbit.org/link/1"
            )
        }
        if let path = options.predictions { line("predictions = \(path)") }
        if let path = options.rawPredictions { line("raw predictions = \(path)") }
        rule()
        if let writesCache { line("creating cache_file = \(writesCache)") }
        switch source {
        case .cache(let path):
            line("using cache_file = \(path)")
            line("ignoring text input in favor of cache input")
        case .text(let name):
            if writesCache == nil { line("using no cache") }
            line("Reading datafile = \(name)")
        case .none:
            if writesCache == nil { line("using no cache") }
            line("Reading datafile = none")
        }
        if case .none = source { line("num sources = 0") } else { line("num sources = 1") }
        line("Num weight bits = \(options.bits)")
        line("learning rate = \(shortest(learner.learningRate))")
        line("initial_t = \(shortest(learner.state.t))")
        line("power_t = \(shortest(options.powerT))")
        if options.passes > 1 { line("decay_learning_rate = \(shortest(options.decay))") }
        line("Enabled learners: \(learners)")
        line("Input label = SIMPLE")
        line("Output pred = SCALAR")
        line("average  since         example        example        current        current  current")
        line("loss     last          counter         weight          label        predict features")
    }

    private func crosses() {
        let crosses = options.crosses
        if !crosses.quadratic.isEmpty {
            line("creating quadratic features for pairs: \(crosses.quadratic.joined(separator: " "))")
        }
        if !crosses.cubic.isEmpty {
            line("creating cubic features for triples: \(crosses.cubic.joined(separator: " "))")
        }
        if !crosses.others.isEmpty {
            line("creating features for following interactions: \(crosses.others.joined(separator: " "))")
        }
        if crosses.hasWildcards && !crosses.leavesDuplicates {
            log(
                "info",
                "Any duplicate namespace interactions will be removed\n"
                    + "You can use --leave_duplicate_interactions to disable this behaviour.")
        }
        if crosses.removedCount > 0 {
            log(
                "info",
                "Duplicate namespace interactions were found. Removed: \(crosses.removedCount).\n"
                    + "You can use --leave_duplicate_interactions to disable this behaviour.")
        }
        if crosses.sortedCount > 0 {
            log(
                "info",
                "Some interactions contain duplicate characters and their characters order has been changed. "
                    + "Interactions affected: \(crosses.sortedCount).")
        }
    }

    private func namespaces(_ front: String, _ bytes: Set<UInt8>) {
        line(front + bytes.sorted().map { " " + String(decoding: [$0], as: UTF8.self) }.joined())
    }

    private func grams(_ texts: [String], _ name: String) {
        for text in texts {
            let isForAll = text.first.map { $0.isNumber } ?? false
            log(
                "info",
                isForAll
                    ? "Generating \(text)-\(name) for all namespaces."
                    : "Generating \(text.dropFirst())-\(name) for \(text.prefix(1)) namespaces.")
        }
    }

    private func rule() {
        switch options.rule {
        case .gradient: return
        case .freegrad:
            line("Enabling FreeGrad based optimization")
            line("Algorithm used: FreeGrad")
        case .ftrl, .pistol, .coin:
            line("Enabling FTRL based optimization")
            line("Algorithm used: \(ruleName)")
            line("ftrl_alpha = \(shortest(options.alpha))")
            line("ftrl_beta = \(shortest(options.beta))")
        }
    }

    private var ruleName: String {
        switch options.rule {
        case .gradient: "gd"
        case .freegrad: "freegrad"
        case .ftrl: "Proximal-FTRL"
        case .pistol: "PiSTOL"
        case .coin: "Coin Betting"
        }
    }

    private var learners: String {
        var names = [[.gradient, .freegrad].contains(options.rule) ? ruleName : "ftrl-\(ruleName)"]
        if options.crosses.hasWildcards { names.append("generate_interactions") }
        names.append("scorer-\(options.link.rawValue)")
        if options.isBinary { names.append("binary") }
        if options.tellsBestConstant { names.append("count_label") }
        return names.joined(separator: ", ")
    }

    private func line(_ text: String) { tell(text + "\n") }

    package func warning(_ sentence: String) { log("warning", sentence) }

    func log(_ level: String, _ sentence: String) { warn("[\(level)] \(sentence)\n") }

    /// A row of the table.
    package func row(_ state: inout RunState, label: Float, prediction: Float, featureCount: UInt32) {
        let isHeldOut = options.holdsOut && state.currentPass >= 1
        let average: String
        let last: String
        if isHeldOut {
            average = ratio(state.heldOutLoss, state.heldOutWeight, none: "unknown")
            last = ratio(state.heldOutLossSinceReport, state.heldOutWeightSinceReport, none: "unknown")
            (state.heldOutLossSinceReport, state.heldOutWeightSinceReport) = (0, 0)
        } else {
            average = state.labeledWeight > 0 ? fixed(state.sumOfLosses / state.labeledWeight, 6) : "n.a."
            last = ratio(state.sumOfLossesSinceReport, state.labeledWeight - state.labeledWeightAtReport, none: "n.a.")
        }
        let columns = [
            left(average, 8), left(last, 8), right("\(state.exampleCount)", 12), right(fixed(state.weight, 1), 14),
            right(label == ParsedExamples.noLabel ? "unknown" : fixed(Double(label), 4), 14, hasEllipsis: true),
            right(fixed(Double(prediction), 4), 14, hasEllipsis: true), right("\(featureCount)", 8),
        ]
        line(columns.joined(separator: " ") + (isHeldOut ? " h" : ""))
        (state.sumOfLossesSinceReport, state.labeledWeightAtReport) = (0, state.labeledWeight)
        switch options.progress {
        case .every(let count): state.nextReport = Float(state.weight) + count
        case .times(let factor): state.nextReport = Float(state.weight) * factor
        }
    }

    private func ratio(_ sum: Double, _ weight: Double, none: String) -> String {
        weight == 0 ? none : fixed(sum / weight, 6)
    }

    private func left(_ text: String, _ width: Int) -> String {
        String(text.prefix(width)) + String(repeating: " ", count: max(0, width - text.count))
    }

    private func right(_ text: String, _ width: Int, hasEllipsis: Bool = false) -> String {
        guard text.count > width else { return String(repeating: " ", count: width - text.count) + text }
        return hasEllipsis ? text.prefix(width - 3) + "..." : String(text.prefix(width))
    }

    package func summary(_ state: RunState) {
        var text = "\nfinished run\n"
        if state.currentPass <= 1 {
            text += "number of examples = \(state.exampleCount)\n"
        } else {
            text += "number of examples per pass = \(state.exampleCount / state.currentPass)\n"
            text += "passes used = \(state.currentPass)\n"
        }
        text += "weighted example sum = \(fixed(state.weight, 6))\n"
        text += "weighted label sum = \(fixed(state.weightedLabels, 6))\n"
        text += "average loss = \(averageLoss(state))\n"
        if options.tellsBestConstant, let best = state.bestConstant(options.loss) {
            text += "best constant = \(fixed(Double(best.constant), 6))\n"
            if let loss = best.loss { text += "best constant's loss = \(fixed(Double(loss), 6))\n" }
        }
        text += "total feature number = \(state.featureCount)\n"
        tell(text)
    }

    private func averageLoss(_ state: RunState) -> String {
        guard options.holdsOut else {
            return state.labeledWeight > 0 ? fixed(state.sumOfLosses / state.labeledWeight, 6) : "n.a."
        }
        guard state.bestHeldOutLoss < Float.greatestFiniteMagnitude * 0.5 else { return "undefined (no holdout)" }
        return fixed(Double(state.bestHeldOutLoss), 6) + " h"
    }
}
