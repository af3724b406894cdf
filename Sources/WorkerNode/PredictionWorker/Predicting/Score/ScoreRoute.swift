internal import Domain
internal import Features
internal import Scoring
internal import Transport

/// POST /v1/score: one body of examples for several models, in one turn of the event loop, each answering from one version.
struct ScoreRoute: Sendable {
    let loops: PerLoop<LoopModels>

    func handle(_ exchange: Exchange, _ body: RawSpan) {
        let models = loops[exchange]
        do throws(InferProblem) {
            if let encoding = exchange.header("content-encoding"), encoding != "identity" {
                throw InferProblem("content encoding '\(encoding)' is not read; send the body as it is", status: 415)
            }
            let request = try models.scorer.read(body)
            var asked: [ServingModel] = []
            for name in request.models {
                guard let model = ModelName(name).flatMap({ models.model($0) }) else {
                    throw InferProblem("no model '\(name)' here", status: 404)
                }
                asked.append(model)
            }
            let answer = try models.scorer.score(request, asked, now: millisecondsSince1970())
            models.predictionCount += asked.count * (request.rows?.count ?? 0)
            models.requestCount += 1
            exchange.respondJSON(answer)
        } catch {
            exchange.fail(status: error.status, error.text)
        }
    }
}

/// Scores the requests of one event loop for several models, in memory that serves again.
struct ModelScorer {
    private var json = ByteWindow()
    /// By plan, so that models that share one have their lines parsed once.
    private var scorers: [Fingerprint: PlanScorer] = [:]
    private var margins: [Double] = []
    /// Plans whose parsers are kept.
    private static let planCountMax = 64

    mutating func read(_ body: RawSpan) throws(InferProblem) -> ScoreRequest {
        json.removeAll()
        json.append(body)
        return try ScoreRequest(json.bytes, 0..<json.byteCount)
    }

    /// The answer's JSON.
    mutating func score(_ request: ScoreRequest, _ models: [ServingModel], now: UInt64) throws(InferProblem) -> String {
        guard let rows = request.rows else { throw InferProblem("nothing to score") }
        var answers = [ScoreAnswer.Part?](repeating: nil, count: models.count)
        var seen: Set<Fingerprint> = []
        for (place, first) in models.enumerated() where seen.insert(first.fingerprint).inserted {
            if rows.isText { try parse(request, rows, first.plan) }
            // Named when the first model has scored them: then they are checked.
            var named: [[NamedFeature]]?
            for (other, model) in models.enumerated().dropFirst(place) where model.fingerprint == first.fingerprint {
                if rows.isText {
                    scorers[model.fingerprint]?.score(model.table, into: &margins)
                } else {
                    try scoreTensors(request, rows, model)
                }
                if request.explainedFeatureCount > 0 && named == nil { named = try features(request, rows, first.plan) }
                answers[other] = ScoreAnswer.Part(
                    model: model, margins: Array(margins.prefix(rows.count)),
                    explained: (named ?? []).map {
                        model.table.largestContributions($0, count: request.explainedFeatureCount)
                    })
            }
        }
        return ScoreAnswer(request, answers.compactMap { $0 }, now: now).json
    }

    private mutating func parse(_ request: ScoreRequest, _ rows: ScoreRequest.Rows, _ plan: Plan) throws(InferProblem) {
        if scorers[plan.fingerprint] == nil {
            if scorers.count >= Self.planCountMax { scorers.removeAll() }
            scorers[plan.fingerprint] = PlanScorer(plan)
        }
        var (lines, context) = (rows.text, request.context?.text ?? ByteWindow())
        let name = request.context == nil ? "examples" : "candidates"
        do throws(PlanScorer.Problem) {
            try scorers[plan.fingerprint]?.read(&lines, count: rows.count, context: &context)
        } catch {
            switch error {
            case .context(let error): throw InferProblem("'context', column \(error.column): \(error.reason.rawValue)")
            case .line(let error):
                throw InferProblem("'\(name)', element \(error.line), column \(error.column): \(error.reason.rawValue)")
            case .noExample: throw InferProblem("'\(name)' or 'context' has a line that is no example")
            }
        }
    }

    private mutating func scoreTensors(
        _ request: ScoreRequest, _ rows: ScoreRequest.Rows, _ model: ServingModel
    ) throws(InferProblem) {
        if let fingerprint = request.fingerprint, fingerprint != model.fingerprint {
            throw InferProblem(
                "the indices' fingerprint is \(fingerprint), that of model \(model.name) is \(model.fingerprint): "
                    + "they were hashed by another plan")
        }
        let featuresMax = Limits.Features.perExampleMax
        do throws(TensorError) {
            if let context = request.context {
                try model.table.score(
                    offsets: rows.offsets, indices: rows.indices, values: rows.values,
                    of: (context.indices, context.values), featuresMax: featuresMax, into: &margins)
            } else {
                try model.table.score(
                    offsets: rows.offsets, indices: rows.indices, values: rows.values, featuresMax: featuresMax,
                    into: &margins)
            }
        } catch { throw InferProblem(error.sentence) }
    }

    // MARK: explaining

    /// The features of every example, by name where they come from a line.
    private func features(
        _ request: ScoreRequest, _ rows: ScoreRequest.Rows, _ plan: Plan
    ) throws(InferProblem) -> [[NamedFeature]] {
        guard rows.isText else {
            return (0..<rows.count).map { (request.context?.features(of: 0) ?? []) + rows.features(of: $0) }
        }
        var names = FeatureNames(plan)
        var all: [[NamedFeature]] = []
        for (e, line) in rows.text.text.split(separator: "\n").enumerated() {
            do throws(LineError.Reason) {
                all.append(try names.features(of: joined(request.context?.text.text, line)))
            } catch { throw InferProblem("element \(e): \(error.rawValue)") }
        }
        return all
    }

    /// A candidate behind its context, as one line: what stands before its first bar is not read.
    private func joined(_ context: String?, _ line: Substring) -> String {
        guard let context else { return String(line) }
        return context.dropLast() + " " + line.drop { $0 != "|" }
    }
}

extension ScoreRequest.Rows {
    /// Of tensors: nothing names them.
    fileprivate func features(of e: Int) -> [NamedFeature] {
        (Int(offsets[e])..<Int(offsets[e + 1])).map {
            NamedFeature(name: "", index: indices[$0], value: values.isEmpty ? 1 : values[$0])
        }
    }
}
