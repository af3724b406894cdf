internal import Configuration
internal import Domain
internal import Format
package import Transport

/// What clients may ask of a worker. No route changes a model.
package struct WorkerRoutes: Sendable {
    let node: String
    let loops: PerLoop<LoopModels>
    let replicas: ReplicaSet
    let isDraining: Locked<Bool>
    let started = ContinuousClock.now
    private var infer: InferRoute { InferRoute(loops: loops) }

    package var all: [Route] {
        let infer = infer
        let limit = Limits.Predicting.bodyByteCountMax
        return [
            .whole(.post, "/v2/models/{model}/infer", bodyLimit: limit) {
                infer.handle($0, $1, hasVersionInPath: false)
            },
            .whole(.post, "/v2/models/{model}/versions/{version}/infer", bodyLimit: limit) {
                infer.handle($0, $1, hasVersionInPath: true)
            },
            .whole(.post, "/v1/score", bodyLimit: limit) { ScoreRoute(loops: loops).handle($0, $1) },
            .whole(.get, "/v2", bodyLimit: 0) { exchange, _ in server(exchange) },
            .whole(.get, "/v2/health/live", bodyLimit: 0) { exchange, _ in health(exchange, isReady: true) },
            .whole(.get, "/v2/health/ready", bodyLimit: 0) { exchange, _ in health(exchange, isReady: isReady(exchange))
            },
            .whole(.get, "/v2/models/{model}", bodyLimit: 0) { exchange, _ in metadata(exchange) },
            .whole(.get, "/v2/models/{model}/versions/{version}", bodyLimit: 0) { exchange, _ in metadata(exchange) },
            .whole(.get, "/v2/models/{model}/ready", bodyLimit: 0) { exchange, _ in ready(exchange) },
            .whole(.get, "/v2/models/{model}/versions/{version}/ready", bodyLimit: 0) { exchange, _ in ready(exchange)
            },
            .whole(.get, "/v2/models/{model}/config", bodyLimit: 0) { exchange, _ in config(exchange) },
            .whole(.get, "/v2/models/{model}/versions/{version}/config", bodyLimit: 0) { exchange, _ in config(exchange)
            },
            .whole(.post, "/v2/repository/index", bodyLimit: 1 << 16) { exchange, _ in index(exchange) },
            .whole(.get, "/v1/models/{model}/digest", bodyLimit: 0) { exchange, _ in digest(exchange) },
            .whole(.get, "/metrics", bodyLimit: 0) { exchange, _ in
                WorkerMetrics(loops: loops, replicas: replicas).respond(exchange)
            },
            .whole(.get, "/v1/status", bodyLimit: 0) { exchange, _ in status(exchange) },
            .streaming(.post, "/v1/models/{model}/examples") { refuseTraining($0) },
            .streaming(.put, "/v1/models/{model}") { refuseTraining($0) },
        ]
    }

    // MARK: Open Inference Protocol V2

    private func server(_ exchange: Exchange) {
        exchange.respondJSON(
            """
            {"name":"sluice","version":"1","extensions":["binary_tensor_data","model_configuration","model_repository"]}
            """)
    }

    private func health(_ exchange: Exchange, isReady: Bool) {
        exchange.respondJSON("{\"live\":true,\"ready\":\(isReady)}", status: isReady ? 200 : 503)
    }

    /// Ready: holds a consistent version of something, and is not going away. Age is told, never turned into an outage.
    private func isReady(_ exchange: Exchange) -> Bool {
        !loops[exchange].announcedModels.isEmpty && !isDraining.withLockedValue { $0 }
    }

    private func withModel(_ exchange: Exchange, _ body: (ServingModel) -> Void) {
        let loop = loops[exchange]
        guard let model = loop.model(in: exchange), loop.isAnnounced(model) else {
            return exchange.fail(status: 404, "no model '\(exchange.part("model"))' here")
        }
        if exchange.path.contains("/versions/"), exchange.part("version") != model.version.description {
            return exchange.fail(
                status: 404, "model \(model.name) is at version \(model.version), not \(exchange.part("version"))")
        }
        body(model)
    }

    private func metadata(_ exchange: Exchange) {
        withModel(exchange) { model in
            exchange.respondJSON(
                """
                {"name":\(jsonString(model.name.text)),"versions":["\(model.version)"],"platform":"sluice_linear",\
                "inputs":[{"name":"line","datatype":"BYTES","shape":[-1,1]},\
                {"name":"indices","datatype":"UINT32","shape":[-1]},\
                {"name":"values","datatype":"FP32","shape":[-1]},\
                {"name":"offsets","datatype":"INT32","shape":[-1]}],\
                "outputs":[{"name":"probability","datatype":"FP32","shape":[-1,1]},\
                {"name":"margin","datatype":"FP64","shape":[-1,1]}],\
                "parameters":{"fingerprint":"\(model.spec.fingerprint)","history":"\(model.history)",\
                "version":\(model.version),"bits":\(model.spec.bits)}}
                """)
        }
    }

    private func ready(_ exchange: Exchange) {
        withModel(exchange) { exchange.respondJSON("{\"name\":\(jsonString($0.name.text)),\"ready\":true}") }
    }

    private func config(_ exchange: Exchange) {
        withModel(exchange) { model in
            exchange.respondJSON(
                """
                {"name":\(jsonString(model.name.text)),"platform":"sluice_linear","backend":"sluice",\
                "max_batch_size":0,"input":[\
                {"name":"line","data_type":"TYPE_STRING","dims":[-1,1],"optional":true},\
                {"name":"indices","data_type":"TYPE_UINT32","dims":[-1],"optional":true},\
                {"name":"values","data_type":"TYPE_FP32","dims":[-1],"optional":true},\
                {"name":"offsets","data_type":"TYPE_INT32","dims":[-1],"optional":true}],\
                "output":[{"name":"probability","data_type":"TYPE_FP32","dims":[-1,1]},\
                {"name":"margin","data_type":"TYPE_FP64","dims":[-1,1]}]}
                """)
        }
    }

    private func index(_ exchange: Exchange) {
        let models = loops[exchange].announcedModels.map {
            "{\"name\":\(jsonString($0.name.text)),\"version\":\"\($0.version)\",\"state\":\"READY\"}"
        }
        exchange.respondJSON("[\(models.joined(separator: ","))]")
    }

    // MARK: Sluice

    private func refuseTraining(_ exchange: Exchange) -> any BodyReceiver {
        RefusedBody(exchange, status: 403, "this is a worker node: it only answers reads; send this to a server node")
    }

    /// The digest over all rows: at `?version=N`, waiting for it, or of what is served now.
    private func digest(_ exchange: Exchange) {
        guard let name = ModelName(exchange.part("model")),
            let status = replicas.statuses.withLockedValue({ $0[name] })
        else { return exchange.fail(status: 404, "no model '\(exchange.part("model"))' is followed here") }
        var version: Version?
        if let text = exchange.query("version") {
            guard let number = UInt64(text) else {
                return exchange.fail(status: 400, "version '\(text)' is not a number")
            }
            version = Version(number)
        }
        let remote = exchange.remote
        Task { [version] in
            let replica = await replicas.replica(name)
            let deadline = ContinuousClock.now + Limits.Predicting.digestWait
            var found: WholeDigest?
            repeat {
                // One that was compared with the server's tells more than our own.
                found = status.withLockedValue { $0.wholeDigest }
                if found == nil || found?.version != version { found = await replica.wholeDigest(at: version) }
                // A digest over all rows is rare and asked for by people: looking again is simpler than being told.
                if found == nil { try? await Task.sleep(for: .milliseconds(5)) }
            } while found == nil && ContinuousClock.now < deadline
            remote.onLoop { [found] exchange in
                guard let found else {
                    return exchange.fail(status: 503, "this worker is not at version \(version?.description ?? "any")")
                }
                exchange.respondJSON(
                    "{\"digest\":\"\(found.digest)\",\"version\":\(found.version),"
                        + "\"history\":\"\(found.history)\",\"equal\":\(found.isEqual.map { "\($0)" } ?? "null")}")
            }
        }
    }

    private func status(_ exchange: Exchange) {
        let now = millisecondsSince1970()
        let followed = replicas.statuses.withLockedValue { $0.mapValues { $0.withLockedValue { $0 } } }
        let models = loops[exchange].announcedModels.map { model in
            let status = followed[model.name]
            return jsonObject([
                "model": jsonString(model.name.text), "version": "\(model.version)", "history": "\"\(model.history)\"",
                "fingerprint": "\"\(model.spec.fingerprint)\"", "age_ms": "\(model.ageMilliseconds(now: now))",
                "followed": "\(status != nil)", "connected": "\(status?.isConnected ?? false)",
                "owners": "\(status?.ownerCount ?? 0)", "connected_owners": "\(status?.connectedOwnerCount ?? 0)",
                "copies": "\(status?.copyCount ?? 0)", "applied_rows": "\(status?.appliedRowCount ?? 0)",
                "compared_digests": "\(status?.comparedDigestCount ?? 0)",
                "digest_mismatches": "\(status?.digestMismatchCount ?? 0)",
            ])
        }
        exchange.respondJSON(
            jsonObject([
                "node": jsonString(node), "role": "\"worker\"",
                "uptime_seconds": jsonNumber((ContinuousClock.now - started).seconds),
                "draining": "\(isDraining.withLockedValue { $0 })", "models": "[\(models.joined(separator: ","))]",
            ]))
    }
}
