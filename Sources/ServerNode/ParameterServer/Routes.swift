internal import Configuration
internal import Domain
internal import Format
package import Transport

/// What trainers and operators may ask of a server node.
package struct ServerRoutes: Sendable {
    let node: String
    let registry: ModelRegistry
    let isDraining: Locked<Bool>
    let started = ContinuousClock.now

    package var all: [Route] {
        [
            .whole(.put, "/v1/models/{model}", bodyLimit: 1 << 20) { create($0, $1) },
            .whole(.get, "/v1/models/{model}", bodyLimit: 0) { exchange, _ in
                withEntry(exchange) { exchange, name, entry in respond(exchange, name, entry) }
            },
            .whole(.delete, "/v1/models/{model}", bodyLimit: 0) { exchange, _ in delete(exchange) },
            .whole(.get, "/v1/models", bodyLimit: 0) { exchange, _ in list(exchange) },
            .streaming(.post, "/v1/models/{model}/examples") { train($0) },
            .whole(.get, "/v1/models/{model}/trainers/{trainer}", bodyLimit: 0) { exchange, _ in trainer(exchange) },
            .whole(.post, "/v1/models/{model}/digest", bodyLimit: 1024) { exchange, _ in digest(exchange) },
            .whole(.get, "/metrics", bodyLimit: 0) { exchange, _ in ServerMetrics(registry: registry).respond(exchange)
            },
            .whole(.get, "/v1/status", bodyLimit: 0) { exchange, _ in status(exchange) },
            .whole(.get, "/v2/health/live", bodyLimit: 0) { exchange, _ in health(exchange, isReady: true) },
            .whole(.get, "/v2/health/ready", bodyLimit: 0) { exchange, _ in
                health(exchange, isReady: !isDraining.withLockedValue { $0 })
            },
        ]
    }

    /// What other nodes may ask: only over the listener for nodes.
    package var forNodes: [Route] {
        [
            .whole(.get, "/v1/peer/models", access: .cluster, bodyLimit: 0) { exchange, _ in names(exchange) },
            .streaming(.get, "/v1/peer/models/{model}/feed", access: .cluster) { feed($0) },
        ]
    }

    // MARK: models

    private func create(_ exchange: Exchange, _ body: RawSpan) {
        guard let name = ModelName(exchange.part("model")) else {
            return exchange.fail(
                status: 400, "a model's name is 1 to 64 letters, digits, '_', '-' or '.', not beginning with '.'")
        }
        do {
            let spec = try ModelSpec(yaml: body.text)
            switch try registry.create(name, spec) {
            case .created(let lane): respond(exchange, name, .open(lane), status: 201)
            case .exists(let lane): respond(exchange, name, .open(lane))
            case .otherSpec:
                exchange.fail(
                    status: 409, "model \(name) exists with another spec; delete it first, or choose another name")
            case .tooMany: exchange.fail(status: 507, "a node holds at most \(Limits.Training.modelCountMax) models")
            }
        } catch let error as ConfigurationError {
            exchange.fail(status: 400, error.description)
        } catch {
            exchange.fail(status: 500, "\(error)")
        }
    }

    private func delete(_ exchange: Exchange) {
        withEntry(exchange) { exchange, name, _ in
            let remote = exchange.remote
            Task {
                do {
                    _ = try await registry.delete(name)
                    remote.onLoop { $0.respondJSON("{\"model\":\(jsonString(name.text)),\"deleted\":true}") }
                } catch {
                    remote.onLoop { $0.fail(status: 500, "\(error)") }
                }
            }
        }
    }

    private func list(_ exchange: Exchange) {
        let models = registry.all.map { describe($0.name, $0.entry, status: nil) }
        exchange.respondJSON("{\"models\":[\(models.joined(separator: ","))]}")
    }

    /// The names of open models, one a line.
    private func names(_ exchange: Exchange) {
        var names = ""
        for case (let name, .open) in registry.all { names += "\(name)\n" }
        exchange.respond(status: 200, contentType: "text/plain", body: Bytes(string: names))
    }

    private func respond(_ exchange: Exchange, _ name: ModelName, _ entry: ModelRegistry.Entry, status: Int = 200) {
        guard case .open(let lane) = entry else {
            return exchange.respondJSON(describe(name, entry, status: nil), status: status)
        }
        let remote = exchange.remote
        Task {
            let told = await lane.fullStatus()
            remote.onLoop { $0.respondJSON(describe(name, entry, status: told), status: status) }
        }
    }

    private func describe(_ name: ModelName, _ entry: ModelRegistry.Entry, status: ModelStatus?) -> String {
        switch entry {
        case .closed(let spec):
            return jsonObject([
                "model": jsonString(name.text), "state": "\"closed\"", "spec": jsonString(spec.yaml),
                "fingerprint": "\"\(spec.fingerprint)\"", "owner": jsonString(node),
            ])
        case .open(let lane):
            let status = status ?? lane.status.withLockedValue { $0 }
            return jsonObject([
                "model": jsonString(name.text), "state": "\"open\"", "spec": jsonString(lane.spec.yaml),
                "fingerprint": "\"\(lane.spec.fingerprint)\"", "history": "\"\(lane.history)\"",
                "version": "\(status.version)", "published_version": "\(status.publishedVersion)",
                "published_rows": "\(status.publishedRowCount)", "published_bytes": "\(status.publishedByteCount)",
                "followers": "\(lane.hub.followerCount)", "clamped_products": "\(status.clampedCount)",
                "queued_bytes": "\(lane.queuedByteCount.withLockedValue { $0 })", "durability": "\"none\"",
                "owner": jsonString(node), "validation": status.validationJSON,
            ])
        }
    }

    private func withEntry(
        _ exchange: Exchange, _ body: (Exchange, ModelName, ModelRegistry.Entry) -> Void
    ) {
        let text = exchange.part("model")
        guard let name = ModelName(text), let entry = registry.entry(name) else {
            return exchange.fail(status: 404, "no model '\(text)' here; create it with PUT /v1/models/\(text)")
        }
        body(exchange, name, entry)
    }

    private func withLane(_ exchange: Exchange, _ body: (ModelLane) -> Void) {
        withEntry(exchange) { exchange, name, entry in
            switch entry {
            case .open(let lane): body(lane)
            case .closed: exchange.fail(status: 503, closedReason(name), headers: [("retry-after", "10")])
            }
        }
    }

    private func closedReason(_ name: ModelName) -> String {
        "model \(name) is closed: its owner \(node) restarted without its rows; "
            + "create it again with PUT /v1/models/\(name), under a new history"
    }

    // MARK: training

    private func train(_ exchange: Exchange) -> any BodyReceiver {
        let text = exchange.part("model")
        guard let name = ModelName(text), let entry = registry.entry(name) else {
            return RefusedBody(exchange, status: 404, "no model '\(text)' here; create it with PUT /v1/models/\(text)")
        }
        guard case .open(let lane) = entry else {
            return RefusedBody(exchange, status: 503, closedReason(name), headers: [("retry-after", "10")])
        }
        do throws(TrainingRequest.Problem) { return TrainingPost(lane, try TrainingRequest(exchange)) } catch {
            return RefusedBody(exchange, status: error.status, error.text)
        }
    }

    private func trainer(_ exchange: Exchange) {
        withLane(exchange) { lane in
            let (remote, text) = (exchange.remote, exchange.part("trainer"))
            Task {
                let mark: TrainerMark? =
                    if let trainer = ModelName(text) { await lane.mark(of: trainer) } else { nil }
                remote.onLoop { exchange in
                    guard let mark else {
                        return exchange.fail(status: 404, "model \(lane.name) was sent nothing by trainer '\(text)'")
                    }
                    exchange.respondJSON(
                        "{\"trainer\":\(jsonString(text)),\"next\":\(mark.next),\"version\":\(mark.version)}")
                }
            }
        }
    }

    private func digest(_ exchange: Exchange) {
        withLane(exchange) { lane in
            let remote = exchange.remote
            Task {
                let (digest, version) = await lane.publishDigest()
                remote.onLoop {
                    $0.respondJSON(
                        "{\"digest\":\"\(digest)\",\"version\":\(version),\"history\":\"\(lane.history)\"}")
                }
            }
        }
    }

    // MARK: feed

    private func feed(_ exchange: Exchange) -> any BodyReceiver {
        let text = exchange.part("model")
        guard let name = ModelName(text), case .open(let lane) = registry.entry(name) else {
            return RefusedBody(exchange, status: 404, "no open model '\(text)' here")
        }
        var position: (history: History, version: Version)?
        if let history = exchange.query("history").flatMap({ History(hex: $0) }),
            let version = exchange.query("version").flatMap({ UInt64($0) })
        {
            position = (history, Version(version))
        }
        return FeedStream(exchange, lane, position: position)
    }

    // MARK: node

    private func health(_ exchange: Exchange, isReady: Bool) {
        exchange.respondJSON("{\"live\":true,\"ready\":\(isReady)}", status: isReady ? 200 : 503)
    }

    private func status(_ exchange: Exchange) {
        let models = registry.all.map { describe($0.name, $0.entry, status: nil) }
        exchange.respondJSON(
            jsonObject([
                "node": jsonString(node), "role": "\"server\"",
                "uptime_seconds": jsonNumber((ContinuousClock.now - started).seconds),
                "draining": "\(isDraining.withLockedValue { $0 })",
                "models": "[\(models.joined(separator: ","))]",
            ]))
    }
}
