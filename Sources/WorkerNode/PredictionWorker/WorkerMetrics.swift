internal import Domain
internal import Telemetry
internal import Transport

/// What a worker tells Prometheus.
struct WorkerMetrics: Sendable {
    let loops: PerLoop<LoopModels>
    let replicas: ReplicaSet

    func respond(_ exchange: Exchange) {
        let remote = exchange.remote
        Task {
            let counts = Locked((requests: 0, predictions: 0, models: [ServingModel]()))
            await loops.onEach { loop in
                counts.withLockedValue { counts in
                    counts.requests += loop.requestCount
                    counts.predictions += loop.predictionCount
                    counts.models = loop.models
                }
            }
            let text = text(counts.withLockedValue { $0 })
            remote.onLoop {
                $0.respond(status: 200, contentType: MetricsText.contentType, body: Bytes(string: text))
            }
        }
    }

    private func text(_ counts: (requests: Int, predictions: Int, models: [ServingModel])) -> String {
        var metrics = MetricsText()
        metrics.family(
            "sluice_infer_requests_total", .counter, "Requests answered with scores.", [([:], Double(counts.requests))])
        metrics.family("sluice_predictions_total", .counter, "Examples scored.", [([:], Double(counts.predictions))])
        metrics.family(
            "sluice_model_version", .gauge, "Version that is served.",
            counts.models.map { (["model": $0.name.text], Double($0.version.rawValue)) })
        metrics.family(
            "sluice_model_watermark_timestamp_seconds", .gauge, "Time up to which all acknowledged examples are in.",
            counts.models.map { (["model": $0.name.text], Double($0.watermarkMilliseconds) / 1000) })
        let followed = replicas.statuses.withLockedValue { $0.mapValues { $0.withLockedValue { $0 } } }
            .sorted { $0.key < $1.key }
        func each(_ value: (ReplicaStatus) -> Double) -> [(labels: KeyValuePairs<String, String>, value: Double)] {
            followed.map { (["model": $0.key.text], value($0.value)) }
        }
        metrics.family("sluice_feed_connected", .gauge, "1 while the feed is open.", each { $0.isConnected ? 1 : 0 })
        metrics.family("sluice_copies_total", .counter, "Copies begun.", each { Double($0.copyCount) })
        metrics.family(
            "sluice_applied_rows_total", .counter, "Rows of deltas applied.", each { Double($0.appliedRowCount) })
        metrics.family(
            "sluice_compared_digests_total", .counter, "Ranges held against the server's digest.",
            each { Double($0.comparedDigestCount) })
        metrics.family(
            "sluice_digest_mismatches_total", .counter, "Ranges that differed; each was repaired by a copy.",
            each { Double($0.digestMismatchCount) })
        return metrics.text
    }
}
