internal import Configuration
internal import Domain
internal import Transport

/// What operators command of a model. Each is carried out at the model's clock, and answered when it is durable everywhere.
extension ServerRoutes {
    /// Answers with the version that has the command.
    func command(
        _ exchange: Exchange, request: Bytes? = nil, _ carryOut: @escaping @Sendable (ModelLane) async throws -> Version
    ) {
        answer(exchange, request: request) { lane in ["version": "\(try await carryOut(lane))"] }
    }

    private func answer(
        _ exchange: Exchange, request: Bytes? = nil,
        _ carryOut: @escaping @Sendable (ModelLane) async throws -> KeyValuePairs<String, String>
    ) {
        withLane(exchange, request: request, wait: Limits.Group.commandWait) { lane in
            let remote = exchange.remote
            Task {
                do {
                    let told = try await carryOut(lane)
                    let whose: KeyValuePairs = ["model": jsonString(lane.name.text), "history": "\"\(lane.history)\""]
                    remote.onLoop { $0.respondJSON(jsonObject(whose, told)) }
                } catch {
                    let failure = error as? CommandFailure ?? CommandFailure(.unavailable, "\(error)")
                    remote.onLoop { exchange in fail(exchange, lane, failure) }
                }
            }
        }
    }

    private func fail(_ exchange: Exchange, _ lane: ModelLane, _ failure: CommandFailure) {
        let text = "model \(lane.name): \(failure)"
        switch failure.kind {
        case .invalid: exchange.fail(status: 400, text)
        case .missing: exchange.fail(status: 404, text)
        case .refused: exchange.fail(status: 409, text)
        case .unavailable: exchange.fail(status: 503, text, headers: [("retry-after", "1")])
        }
    }

    func rollBack(_ exchange: Exchange) {
        guard let version = exchange.query("to").flatMap({ UInt64($0) }) else {
            return exchange.fail(
                status: 400, "say which version: ?to=VERSION, of a snapshot that GET …/snapshots tells of")
        }
        command(exchange) { lane in try await lane.rollBack(to: Version(version)) }
    }

    func unlearn(_ exchange: Exchange) {
        guard let trainer = exchange.query("trainer").flatMap({ ModelName($0) }),
            let version = exchange.query("since").flatMap({ UInt64($0) })
        else {
            return exchange.fail(status: 400, "say whose batches and since when: ?trainer=NAME&since=VERSION")
        }
        answer(exchange) { lane in
            let done = try await lane.unlearn(trainer, since: Version(version))
            return ["version": "\(done.version)", "before": "\(done.before)"]
        }
    }

    /// Rates that are left out stay as they are.
    func setRates(_ exchange: Exchange, _ body: RawSpan) {
        let text = body.text
        command(exchange, request: Bytes(string: text)) { lane in
            let now = lane.status.withLockedValue { $0.standing.learner }
            let learner: ModelSpec.Learner
            do throws(ConfigurationError) { learner = try now.changed(byYAML: text) } catch {
                throw CommandFailure(.invalid, error.description)
            }
            return try await lane.command(.rates(learner, instead: now))
        }
    }

    func snapshots(_ exchange: Exchange) {
        withLane(exchange) { lane in
            let remote = exchange.remote
            Task {
                let kept = await lane.keptSnapshots().map { snapshot in
                    jsonObject([
                        "version": "\(snapshot.version)", "commit": "\(snapshot.number)",
                        "examples": "\(snapshot.exampleCount)", "at_ms": "\(snapshot.atMilliseconds)",
                    ])
                }
                remote.onLoop {
                    $0.respondJSON(
                        jsonObject([
                            "model": jsonString(lane.name.text), "snapshots": "[\(kept.joined(separator: ","))]",
                        ]))
                }
            }
        }
    }
}
