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
    private var contextMargins: [Double] = []
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
        var parsed: Set<Fingerprint> = []
        for (place, first) in models.enumerated() where parsed.insert(first.fingerprint).inserted {
            if rows.isText { try parse(request, rows, first.plan) }
            for (other, model) in models.enumerated().dropFirst(place) where model.fingerprint == first.fingerprint {
                if rows.isText {
                    scorers[model.fingerprint]?.score(model.table, into: &margins)
                } else {
                    try scoreTensors(request, rows, model)
                }
                answers[other] = ScoreAnswer.Part(
                    model: model, margins: Array(margins.prefix(rows.count)),
                    explained: try explain(request, rows, model))
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
        let shared = request.context?.indices.count ?? 0
        do throws(TensorError) {
            if let context = request.context {
                try model.table.score(
                    offsets: context.offsets, indices: context.indices, values: context.values,
                    featuresMax: Limits.Features.perExampleMax, into: &contextMargins)
            }
            try model.table.score(
                offsets: rows.offsets, indices: rows.indices, values: rows.values,
                featuresMax: Limits.Features.perExampleMax - shared, into: &margins)
        } catch { throw InferProblem(error.sentence) }
    }

    // MARK: explaining

    private func explain(
        _ request: ScoreRequest, _ rows: ScoreRequest.Rows, _ model: ServingModel
    ) throws(InferProblem) -> [[ScoreAnswer.Explained]] {
        guard request.explainedFeatureCount > 0 else { return [] }
        var names = FeatureNames(model.spec)
        var explained: [[ScoreAnswer.Explained]] = []
        let lines = rows.isText ? rows.text.text.split(separator: "\n") : []
        for e in 0..<rows.count {
            var features: [ScoreAnswer.Explained] = []
            if rows.isText {
                let line = joined(request.context?.text.text, lines[e])
                do throws(LineError.Reason) {
                    for feature in try names.features(of: line) {
                        features.append(
                            .init(
                                name: feature.name, index: feature.index, value: feature.value,
                                weight: model.table[feature.index]))
                    }
                } catch { throw InferProblem("element \(e): \(error.rawValue)") }
            } else {
                for rows in [request.context, rows].compactMap({ $0 }) {
                    let k = rows.count == 1 ? 0 : e
                    for at in Int(rows.offsets[k])..<Int(rows.offsets[k + 1]) {
                        features.append(
                            .init(
                                name: nil, index: rows.indices[at], value: rows.values.isEmpty ? 1 : rows.values[at],
                                weight: model.table[rows.indices[at]]))
                    }
                }
            }
            explained.append(
                Array(
                    features.sorted { abs($0.weight * $0.value) > abs($1.weight * $1.value) }
                        .prefix(request.explainedFeatureCount)))
        }
        return explained
    }

    /// A candidate behind its context, as one line: what stands before its first bar is not read.
    private func joined(_ context: String?, _ line: Substring) -> String {
        guard let context else { return String(line) }
        return context.dropLast() + " " + line.drop { $0 != "|" }
    }
}
