internal import Configuration
internal import Domain
internal import Format
package import Transport

/// What trainers and operators may ask of a server node.
package struct ServerRoutes: Sendable {
    let group: ServerGroup
    let forwarding: Forwarding
    let isDraining: Locked<Bool>
    let started = ContinuousClock.now
    private let unpacking = UnpackingPlaces()

    private var registry: ModelRegistry { group.registry }
    private var node: String { group.names[group.node] }

    package var all: [Route] {
        [
            .whole(.put, "/v1/models/{model}", bodyLimit: 1 << 20) { create($0, $1) },
            .whole(.get, "/v1/models/{model}", bodyLimit: 0) { exchange, _ in
                atClock(exchange) { exchange, name in
                    withEntry(exchange, name) { entry in respond(exchange, name, entry) }
                }
            },
            .whole(.delete, "/v1/models/{model}", bodyLimit: 0) { exchange, _ in delete(exchange) },
            .whole(.get, "/v1/models", bodyLimit: 0) { exchange, _ in list(exchange) },
            .streaming(.post, "/v1/models/{model}/examples") { train($0) },
            .whole(.get, "/v1/models/{model}/trainers/{trainer}", bodyLimit: 0) { exchange, _ in trainer(exchange) },
            .whole(.post, "/v1/models/{model}/digest", bodyLimit: 1024) { exchange, _ in digest(exchange) },
            .whole(.get, "/v1/models/{model}/snapshots", bodyLimit: 0) { exchange, _ in snapshots(exchange) },
            .whole(.post, "/v1/models/{model}/snapshots", bodyLimit: 1024) { exchange, _ in
                command(exchange) { lane in try await lane.takeSnapshot().version }
            },
            .whole(.post, "/v1/models/{model}:rollback", bodyLimit: 1024) { exchange, _ in rollBack(exchange) },
            .whole(.post, "/v1/models/{model}:unlearn", bodyLimit: 1024) { exchange, _ in unlearn(exchange) },
            .whole(.post, "/v1/models/{model}:freeze", bodyLimit: 1024) { exchange, _ in
                command(exchange) { lane in try await lane.command(.freeze(true)) }
            },
            .whole(.post, "/v1/models/{model}:thaw", bodyLimit: 1024) { exchange, _ in
                command(exchange) { lane in try await lane.command(.freeze(false)) }
            },
            .whole(.post, "/v1/models/{model}:rates", bodyLimit: 1 << 16) { setRates($0, $1) },
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
        guard let yaml = body.validText else { return exchange.fail(status: 400, "the spec is not UTF-8") }
        let spec: ModelSpec
        do throws(ConfigurationError) { spec = try ModelSpec(yaml: yaml) } catch {
            return exchange.fail(status: 400, error.description)
        }
        let owners = group.owners(of: name)
        guard owners.count <= spec.indexCount else {
            return exchange.fail(
                status: 400, "a model of \(spec.bits) bits has no index for each of its \(owners.count) owners")
        }
        guard owners.count == 1 || spec.learner.spreads else {
            return exchange.fail(
                status: 400,
                "rule 'nag' wants one owner, as its steps depend on all features of an example; the cluster file gives model \(name) \(owners.count)"
            )
        }
        atClock(exchange, body: Bytes(string: yaml)) { exchange, name in
            let remote = exchange.remote
            Task {
                do {
                    let creation = try await registry.create(name, spec, owners: owners)
                    await created(remote, name, creation)
                } catch {
                    remote.onLoop { $0.fail(status: 500, "\(error)") }
                }
            }
        }
    }

    private func created(_ remote: RemoteExchange, _ name: ModelName, _ creation: ModelRegistry.Creation) async {
        switch creation {
        case .created(let lane): await respond(remote, name, lane, status: 201)
        case .exists(let lane): await respond(remote, name, lane, status: 200)
        case .otherSpec:
            remote.onLoop {
                $0.fail(
                    status: 409, "model \(name) exists with another spec; delete it first, or choose another name")
            }
        case .tooMany:
            remote.onLoop {
                $0.fail(status: 507, "a node holds at most \(Limits.Training.modelCountMax) models")
            }
        case .failed(let reason):
            remote.onLoop {
                $0.fail(status: 503, "model \(name) was not created: \(reason)", headers: [("retry-after", "1")])
            }
        }
    }

    private func delete(_ exchange: Exchange) {
        atClock(exchange) { exchange, name in
            withEntry(exchange, name) { _ in
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
    }

    private func list(_ exchange: Exchange) {
        let models = registry.all.map { describe($0.name, $0.entry, status: nil) }
        exchange.respondJSON("{\"models\":[\(models.joined(separator: ","))]}")
    }

    /// The names of open models with rows here, one a line.
    private func names(_ exchange: Exchange) {
        var names = ""
        for case (let name, .open(let lane)) in registry.all where lane.servesFollowers { names += "\(name)\n" }
        exchange.respond(status: 200, contentType: "text/plain", body: Bytes(string: names))
    }

    private func respond(_ exchange: Exchange, _ name: ModelName, _ entry: ModelRegistry.Entry) {
        guard case .open(let lane) = entry else { return exchange.respondJSON(describe(name, entry, status: nil)) }
        let remote = exchange.remote
        Task { await respond(remote, name, lane, status: 200) }
    }

    private func respond(_ remote: RemoteExchange, _ name: ModelName, _ lane: ModelLane, status: Int) async {
        let told = await lane.fullStatus()
        remote.onLoop { $0.respondJSON(describe(name, .open(lane), status: told), status: status) }
    }

    private func describe(_ name: ModelName, _ entry: ModelRegistry.Entry, status: ModelStatus?) -> String {
        switch entry {
        case .closed(let spec, let reason):
            return jsonObject([
                "model": jsonString(name.text), "state": "\"closed\"", "reason": jsonString(reason),
                "spec": jsonString(spec.yaml), "fingerprint": "\"\(spec.fingerprint)\"",
                "owners": names(of: group.owners(of: name)),
            ])
        case .open(let lane):
            let status = status ?? lane.status.withLockedValue { $0 }
            return jsonObject([
                "model": jsonString(name.text), "state": jsonString(status.phase),
                "spec": jsonString(lane.currentSpec.yaml),
                "fingerprint": "\"\(lane.spec.fingerprint)\"", "history": "\"\(lane.history)\"",
                "version": "\(status.version)", "stable_version": "\(status.stableVersion)",
                "published_version": "\(status.publishedVersion)",
                "published_rows": "\(status.publishedRowCount)", "published_bytes": "\(status.publishedByteCount)",
                "followers": "\(lane.hub.followerCount)", "clamped_products": "\(status.clampedCount)",
                "queued_bytes": "\(lane.queuedByteCount.withLockedValue { $0 })",
                "durability": jsonString((registry.journal == nil ? Durability.none : .everyCommit).rawValue),
                "owners": names(of: lane.identity.owners), "clock": "\(lane.isClock)",
                "shard": lane.identity.owners.firstIndex(of: group.node).map { "\($0)" } ?? "null",
                "commits": "\(status.commitCount)", "rounds": "\(status.roundCount)",
                "rounds_per_second": jsonNumber(status.roundsPerSecond),
                "accepted_per_round": jsonNumber(status.acceptedPerRound),
                "round_us": jsonNumber(status.roundMicroseconds),
                "parked_slices": "\(status.parkedSliceCount)", "granted_bytes": "\(status.grantedByteCount)",
                "snapshot_version": status.snapshotVersion.map { "\($0)" } ?? "null",
                "mirrored_version": status.mirroredVersion.map { "\($0)" } ?? "null",
                "frozen": "\(status.standing.isFrozen)",
                "unlearning": status.replayProgress.map {
                    jsonObject(["done": "\($0.done)", "of": "\($0.count)"])
                } ?? "null",
                "waits_for": status.waitsFor.map { jsonString($0) } ?? "null",
                "validation": status.validationJSON,
            ])
        }
    }

    private func names(of owners: [Int]) -> String {
        "[\(owners.map { jsonString(group.names[$0]) }.joined(separator: ","))]"
    }

    /// Runs `body` where the model's clock is: here, or the request is passed on.
    func atClock(
        _ exchange: Exchange, body: Bytes? = nil, wait: Duration = Limits.Group.forwardWait,
        _ here: (Exchange, ModelName) -> Void
    ) {
        let text = exchange.part("model")
        guard let name = ModelName(text) else { return exchange.fail(status: 404, noModel(text)) }
        let clock = group.owners(of: name)[0]
        if clock == group.node { return here(exchange, name) }
        forwarding.pass(
            exchange, body: body, to: group.names[clock], at: group.topology.nodes[clock].listen, wait: wait)
    }

    private func noModel(_ text: String) -> String { "no model '\(text)' here; create it with PUT /v1/models/\(text)" }

    private func withEntry(_ exchange: Exchange, _ name: ModelName, _ body: (ModelRegistry.Entry) -> Void) {
        guard let entry = registry.entry(name) else { return exchange.fail(status: 404, noModel(name.text)) }
        body(entry)
    }

    func withLane(
        _ exchange: Exchange, request: Bytes? = nil, wait: Duration = Limits.Group.forwardWait,
        _ body: (ModelLane) -> Void
    ) {
        atClock(exchange, body: request, wait: wait) { exchange, name in
            withEntry(exchange, name) { entry in
                switch entry {
                case .open(let lane): body(lane)
                case .closed(_, let reason):
                    exchange.fail(status: 503, closed(name, reason), headers: [("retry-after", "10")])
                }
            }
        }
    }

    private func closed(_ name: ModelName, _ reason: String) -> String {
        "model \(name) is closed: \(reason); create it again with PUT /v1/models/\(name), under a new history"
    }

    // MARK: training

    private func train(_ exchange: Exchange) -> any BodyReceiver {
        let text = exchange.part("model")
        guard let name = ModelName(text) else { return RefusedBody(exchange, status: 404, noModel(text)) }
        guard let entry = registry.entry(name) else {
            let clock = group.owners(of: name)[0]
            guard registry.hasHeard(from: clock) else {
                return RefusedBody(
                    exchange, status: 503,
                    "this node has not heard of its models from \(group.names[clock]), where this one's clock would be",
                    headers: [("retry-after", String(Limits.Training.retryAfterSeconds))])
            }
            return RefusedBody(exchange, status: 404, noModel(text))
        }
        switch entry {
        case .closed(_, let reason):
            return RefusedBody(exchange, status: 503, closed(name, reason), headers: [("retry-after", "10")])
        case .open where registry.journal?.isFull == true:
            return RefusedBody(
                exchange, status: 507,
                "the disk of \(node) is full: nothing more is learned until there is room; models are served as before",
                headers: [("retry-after", String(Limits.Journal.fullDiskRetryAfterSeconds))])
        case .open(let lane):
            do throws(TrainingRequest.Problem) {
                return try TrainingPost(lane, TrainingRequest(exchange), unpacking)
            } catch {
                let retry = error.status == 503 ? [("retry-after", String(Limits.Training.retryAfterSeconds))] : []
                return RefusedBody(exchange, status: error.status, error.text, headers: retry)
            }
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
            lane.publishDigest { told in
                remote.onLoop { exchange in
                    guard let (digest, version) = told else {
                        return exchange.fail(
                            status: 503, "not all owners of the model answer", headers: [("retry-after", "1")])
                    }
                    exchange.respondJSON(
                        "{\"digest\":\"\(digest)\",\"version\":\(version),\"history\":\"\(lane.history)\"}")
                }
            }
        }
    }

    // MARK: feed

    private func feed(_ exchange: Exchange) -> any BodyReceiver {
        let text = exchange.part("model")
        guard let name = ModelName(text), case .open(let lane) = registry.entry(name), lane.servesFollowers
        else {
            return RefusedBody(exchange, status: 404, "no rows of an open model '\(text)' here")
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

    /// The server nodes, and whether each is reached.
    private var nodes: [String] {
        group.names.indices.map { place in
            let isUp = place == group.node || group.links?.isUp(place) ?? true
            return jsonObject(["node": jsonString(group.names[place]), "reached": "\(isUp)"])
        }
    }

    private var journalJSON: String {
        guard let journal = registry.journal else { return "null" }
        let figures = journal.figures
        return jsonObject([
            "full": "\(journal.isFull)", "writes": "\(figures.writeCount)", "bytes": "\(figures.byteCount)",
            "write_us": jsonNumber(figures.writeMicroseconds), "segments": "\(figures.segmentCount)",
            "read_bytes": "\(journal.readByteCount)", "read_ms": jsonNumber(journal.readMilliseconds),
        ])
    }

    private func status(_ exchange: Exchange) {
        let models = registry.all.map { describe($0.name, $0.entry, status: nil) }
        exchange.respondJSON(
            jsonObject([
                "node": jsonString(node), "role": "\"server\"",
                "uptime_seconds": jsonNumber((ContinuousClock.now - started).seconds),
                "draining": "\(isDraining.withLockedValue { $0 })",
                "nodes": "[\(nodes.joined(separator: ","))]", "journal": journalJSON,
                "models": "[\(models.joined(separator: ","))]",
            ]))
    }
}
