internal import Domain
internal import Transport

/// POST …/infer: finds the model, waits for its version if asked, scores, answers; in one turn of the event loop.
struct InferRoute: Sendable {
    let loops: PerLoop<LoopModels>

    func handle(_ exchange: Exchange, _ body: RawSpan, hasVersionInPath: Bool) {
        let models = loops[exchange]
        guard let model = models.model(in: exchange) else { return failUnknown(exchange) }
        do throws(InferProblem) {
            if hasVersionInPath { try check(exchange.part("version"), model) }
            if let encoding = exchange.header("content-encoding"), encoding != "identity" {
                throw InferProblem("content encoding '\(encoding)' is not read; send the body as it is", status: 415)
            }
            let named = exchange.integerHeader("inference-header-content-length")
            if named == nil, let text = exchange.header("inference-header-content-length") {
                throw InferProblem("inference-header-content-length is '\(text)', but must be a number of bytes")
            }
            let jsonByteCount = named ?? body.byteCount
            guard jsonByteCount > 0, jsonByteCount <= body.byteCount else {
                throw InferProblem(
                    "inference-header-content-length is \(jsonByteCount), the body \(body.byteCount) bytes")
            }
            let request = try models.predictor.read(body, jsonByteCount: jsonByteCount)
            if let version = request.asked.minVersion, try !isReached(version, request.asked.history, model) {
                return wait(exchange, request.asked, version, body, jsonByteCount, models, model.name)
            }
            try answer(exchange, request, body, jsonByteCount, models, model)
        } catch {
            exchange.fail(status: error.status, error.text)
        }
    }

    private func answer(
        _ exchange: Exchange, _ request: ReadRequest, _ body: RawSpan, _ jsonByteCount: Int, _ models: LoopModels,
        _ model: ServingModel
    ) throws(InferProblem) {
        let count = try models.predictor.score(request, body, jsonByteCount: jsonByteCount, model)
        models.predictionCount += count
        models.requestCount += 1
        let answer = models.predictor.answer(
            request, body: body, model, count: count, now: millisecondsSince1970(), on: exchange)
        // Only now that nothing of `models` is in use: over HTTP/1.1 an answer lets the next request in.
        if request.asked.hasBinaryOutput {
            exchange.respond(
                status: 200, contentType: "application/octet-stream",
                number: NumberField("inference-header-content-length", answer.jsonByteCount), body: answer.bytes)
        } else {
            exchange.respond(status: 200, contentType: "application/json", body: answer.bytes)
        }
    }

    private func isReached(_ version: Version, _ history: History?, _ model: ServingModel) throws(InferProblem) -> Bool
    {
        guard let history else {
            throw InferProblem("'min_version' wants the parameter 'history' of the answer it comes from")
        }
        guard history == model.history else {
            throw InferProblem("history \(history) is not this model's, which is \(model.history)", status: 409)
        }
        return model.version >= version
    }

    /// Answers when the version is in, or 503 at the deadline. The body is kept meanwhile.
    private func wait(
        _ exchange: Exchange, _ request: InferRequest, _ version: Version, _ body: RawSpan, _ jsonByteCount: Int,
        _ models: LoopModels, _ name: ModelName
    ) {
        guard models.waitingCount < Limits.Predicting.waitingCountMax else {
            return exchange.fail(status: 503, "too many requests wait for a version", headers: [("retry-after", "1")])
        }
        var kept = Bytes()
        kept.writeBytes(body)
        let id = ObjectIdentifier(exchange)
        let timer = exchange.schedule(after: request.timeout) { exchange in
            guard loops[exchange].stopWaiting(id) else { return }
            let current = loops[exchange].model(name)?.version ?? .zero
            exchange.fail(
                status: 503, "version \(version) did not arrive in time; this worker is at \(current)",
                headers: [("retry-after", "1")])
        }
        models.wait(
            LoopModels.Waiting(id: id) { model in
                model.name == name && (model.version >= version || model.history != request.history)
            } resume: {
                timer.cancel()
                guard exchange.isAlive else { return }
                handle(exchange, kept.readableBytesSpan, hasVersionInPath: false)
            })
    }

    private func check(_ version: String, _ model: ServingModel) throws(InferProblem) {
        guard version == model.version.description else {
            throw InferProblem("model \(model.name) is at version \(model.version), not \(version)", status: 404)
        }
    }

    private func failUnknown(_ exchange: Exchange) {
        exchange.fail(status: 404, "no model '\(exchange.part("model"))' here")
    }
}
