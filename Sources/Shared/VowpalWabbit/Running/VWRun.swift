internal import Features
internal import Files
internal import SystemPackage

/// A run of `sluice vw`: reads examples, predicts and learns each, tells how it goes, writes models.
///
/// - Source: Vowpal Wabbit's `parser.cc`, `learner.cc`, `scorer.cc`, `binary.cc`: which examples are learned, and
///   what is told of them.
package struct VWRun: ~Copyable {
    private let options: VWOptions
    private var learner: Learner
    private let report: Report
    private let say: (String) -> Void
    private var predictions: PredictionFile?
    private var rawPredictions: PredictionFile?
    /// Of features seen, where names are kept; the first that had an index names it.
    private var names: [Int: String] = [:]
    /// Examples of this pass so far: which are held out.
    private var countInPass = 0
    /// Examples of the whole run, for warnings.
    private var countInRun = 0
    private var stopsEarly = false

    /// - Parameters:
    ///   - arguments: Vowpal Wabbit's command line, without the program's name.
    ///   - tell: receives the header, table and summary, with line feeds: standard error.
    ///   - say: receives warnings and audits, with line feeds: standard output.
    package init(
        _ arguments: [String], tell: @escaping (String) -> Void, say: @escaping (String) -> Void
    ) throws(VWError) {
        var model: ModelContents?
        let options = try VWOptions(arguments) { path throws(VWError) in
            let contents = try Self.readModel(path)
            model = contents
            return contents.header.commandLine
        }
        var learner = try Learner(options)
        if let mask = options.featureMask, model == nil { try learner.take(weightsOf: Self.readModel(mask)) }
        if let model { try learner.load(model) }
        let predictions = try options.predictions.map { path throws(VWError) in try PredictionFile(path: path) }
        let rawPredictions = try options.rawPredictions.map { path throws(VWError) in try PredictionFile(path: path) }
        (self.options, self.say, report) = (options, say, Report(options, tell: tell, warn: say))
        self.learner = learner
        self.predictions = predictions
        self.rawPredictions = rawPredictions
    }

    package static func readModel(_ path: String) throws(VWError) -> ModelContents {
        let bytes: [UInt8]
        do { bytes = try readFile(FilePath(path)) } catch { throw .system(path: path, error as? Errno ?? .ioError) }
        return try ModelContents(path: path, bytes: bytes)
    }

    package consuming func run() async throws {
        try await runAll()
    }

    private mutating func runAll() async throws {
        var cache = try openCache()
        let writesCache = cache == nil ? options.cacheFile : nil
        report.header(learner, source: source(usesCache: cache != nil), writesCache: writesCache)
        let road = ExampleRoad(options)
        if cache == nil { try await runText(road, writesCache) } else { try runPass(&cache, road) }
        endPass()
        if let writesCache, !stopsEarly && options.passes > 1 { cache = try ExampleCache.Reader(path: writesCache) }
        var pass = 1
        while pass < options.passes && !stopsEarly {
            try runPass(&cache, road)
            endPass()
            pass += 1
        }
        if let failure { throw failure }
        try predictions?.flush(whenAbove: 0)
        try rawPredictions?.flush(whenAbove: 0)
        report.summary(learner.state)
        if !stopsEarly { try writeModels() }
    }

    /// The cache that stands for the text, where there is one with enough bits.
    private func openCache() throws(VWError) -> ExampleCache.Reader? {
        guard let path = options.cacheFile, !options.replacesCache, (try? FileMark(of: FilePath(path))) != nil else {
            return nil
        }
        let cache = try ExampleCache.Reader(path: path)
        guard cache.bits >= options.bits else {
            report.warning("cache file is ignored as it's made with less bit precision than required.")
            return nil
        }
        return cache
    }

    private func source(usesCache: Bool) -> Report.Source {
        if usesCache { return .cache(options.cacheFile ?? "") }
        if let data = options.data { return .text(name: data) }
        return options.readsStandardInput ? .text(name: "stdin") : .none
    }

    private mutating func runText(_ road: ExampleRoad, _ cachePath: String?) async throws {
        let path = options.data ?? "stdin"
        guard options.data != nil || options.readsStandardInput else { return }
        let file = options.data == nil ? .standardInput : try openForReading(path)
        defer { if options.data != nil { try? file.close() } }  // read only: nothing is lost
        var writer = try cachePath.map { path throws(VWError) in try ExampleCache.Writer(path: path, bits: options.bits)
        }
        try await road.forEachChunk(of: file, named: path) { chunk in
            try writer?.append(chunk.parsed)
            return try take(chunk)
        }
        if let finished = writer.take() { try finished.finish() }
    }

    private mutating func runPass(_ cache: inout ExampleCache.Reader?, _ road: ExampleRoad) throws {
        guard var reader = cache.take() else { return }
        try road.forEachChunk(of: &reader) { try take($0) }
        cache = consume reader
    }

    /// Takes a chunk's examples, one after the other.
    private mutating func take(_ chunk: ExampleChunk) throws(VWError) -> Bool {
        // Held here, so that no example asks the chunk for them.
        let parsed = chunk.parsed
        let expanded = chunk.expanded
        var warnings = parsed.warnings[...]
        for example in 0..<expanded.exampleCount {
            while let warning = warnings.first, warning.example <= example {
                let end = warning.line.map { "in Example #\(countInRun): \"\($0)\"" } ?? ""
                report.warning(warning.sentence + end)
                warnings.removeFirst()
            }
            take(example, parsed, expanded)
        }
        try predictions?.flush()
        try rawPredictions?.flush()
        return true
    }

    @inline(__always)
    private mutating func take(
        _ example: Int, _ parsed: borrowing ParsedExamples, _ expanded: borrowing ExpandedExamples
    ) {
        let (label, importance) = (parsed.labels[example], parsed.importances[example])
        let initial = parsed.initials[example]
        countInPass += 1
        countInRun += 1
        let isHeldOut = options.holdsOut && isHeldOut(countInPass)
        let isLabeled = label != ParsedExamples.noLabel
        let trains = options.learns && isLabeled && !isHeldOut
        let learns = trains && importance > 0
        // These two report what their weights say before the label is looked at, and are judged by what they say then; but not where
        // only the sign is told.
        let before =
            learns && (options.rule == .coin || options.rule == .ftrl) && !options.isBinary
            ? shown(learner.cut(learner.predict(expanded, example, initial: initial))) : nil
        if trains { learner.see(label: label) }
        let margin =
            learns && learner.predictsAsItLearns
            ? learner.predictToLearn(expanded, example, importance: importance)
            : learner.predict(expanded, example, initial: initial)
        if margin.isNaN { report.warning("NAN prediction in example \(learner.state.exampleCount + 1), forcing 0") }
        var prediction = learner.cut(margin)
        if options.keepsNames { keepNames(parsed, expanded, example, prediction) }
        let plainLoss = isLabeled && importance > 0 ? options.loss.loss(prediction, label, learner.state.range) : 0
        if learns {
            let outcome = learner.learn(
                expanded, example, prediction: prediction, loss: plainLoss, label: label, importance: importance)
            if outcome.isTooLarge { report.log("error", "The features have too much magnitude") }
            if outcome.isNaN { report.warning("update is NAN, replacing with 0") }
        }
        // Not a product where nothing counts: an importance may be infinite or no number.
        var loss = plainLoss == 0 ? 0 : plainLoss * importance
        prediction = shown(prediction)
        if options.isBinary && isLabeled {
            if label.magnitude == 1 {
                loss = prediction == label ? 0 : importance
            } else {
                report.log("error", "You are using label \(shortest(label)) not -1 or 1 as loss function expects!")
            }
        }
        let count = expanded.counts[example]
        if options.tellsBestConstant { learner.state.count(label: label) }
        learner.state.add(loss, label: label, weight: importance, isHeldOut: isHeldOut, featureCount: count)
        if predictions != nil { predictions!.append(before ?? prediction, tag: parsed.tag(of: example)) }
        if rawPredictions != nil { rawPredictions!.append(margin, tag: parsed.tag(of: example)) }
        guard learner.state.isReportDue else { return }
        report.row(&learner.state, label: label, prediction: before ?? prediction, featureCount: count)
    }

    private func isHeldOut(_ count: Int) -> Bool {
        options.holdoutAfter > 0 ? count > options.holdoutAfter : count % options.holdoutPeriod == 0
    }

    /// A prediction as it is told.
    private func shown(_ margin: Float) -> Float {
        let linked = linked(margin)
        return options.isBinary ? (linked > 0 ? 1 : -1) : linked
    }

    private func linked(_ margin: Float) -> Float {
        switch options.link {
        case .identity: margin
        case .logistic: 1 / (1 + exponential(-margin))
        case .poisson: exponential(margin)
        case .glf1: 2 / (1 + exponential(-margin)) - 1
        }
    }

    private mutating func endPass() {
        countInPass = 0
        learner.state.currentPass += 1
        if options.isPredictOnly { learner.settle() }
        learner.learningRate *= options.decay
        guard options.holdsOut else { return }
        if learner.state.endHeldOutPass() {
            // What is written last is the best pass's, also where later ones stop the run.
            do throws(VWError) { try writeModels() } catch { failure = error }
        }
        if learner.state.passesWithoutBest == options.earlyTerminatePasses { stopsEarly = true }
    }

    /// Why a model could not be written between passes.
    private var failure: VWError?

    private func writeModels() throws(VWError) {
        if let path = options.finalModel { try writeFile(learner.modelBytes(), to: path) }
        if let path = options.readableModel { try writeFile(Array(learner.modelText().utf8), to: path) }
        if let path = options.invertHash { try writeFile(Array(learner.modelText(names: names).utf8), to: path) }
    }

    /// Remembers which features have which index, and prints them where that is asked for.
    private mutating func keepNames(
        _ parsed: borrowing ParsedExamples, _ expanded: borrowing ExpandedExamples, _ example: Int, _ prediction: Float
    ) {
        let features = expanded.range(of: example)
        if options.invertHash != nil {
            for k in features where names[Int(expanded.indices[k])] == nil {
                names[Int(expanded.indices[k])] = expanded.names[k]
            }
        }
        guard options.audits else { return }
        var line: [UInt8] = []
        line.append(prediction: prediction)
        let tag = parsed.tag(of: example)
        if !tag.isEmpty { line += [UInt8(ascii: " ")] + tag }
        let gravity = Float(learner.state.gravity)
        var audited = features.map { k in
            let (index, value) = (Int(expanded.indices[k]), expanded.values[k])
            let weight = learner.weights[index, 0]
            let shown = truncated(weight, gravity) * Float(learner.state.contraction)
            let rate =
                options.rule == .gradient && options.isAdaptive && options.learns
                ? "@" + shortest(learner.weights[index, 1]) : ""
            let name = expanded.names[k]
            return (weight * value, "\t\(name):\(index):\(shortest(value)):\(shortest(shown))\(rate)")
        }
        // Those that say most come first; equal ones stay in order.
        let order = audited.indices.sorted {
            let (a, b) = (audited[$0].0.magnitude, audited[$1].0.magnitude)
            return a != b ? a > b : $0 < $1
        }
        audited = order.map { audited[$0] }
        say(String(decoding: line, as: UTF8.self) + "\n" + audited.map(\.1).joined() + "\n")
    }
}
