internal import Domain
internal import Telemetry
internal import Transport

/// What a server node tells Prometheus.
struct ServerMetrics: Sendable {
    let registry: ModelRegistry

    func respond(_ exchange: Exchange) {
        let models = registry.all.compactMap { name, entry -> (lane: ModelLane, status: ModelStatus)? in
            guard case .open(let lane) = entry else { return nil }
            return (lane, lane.status.withLockedValue { $0 })
        }
        var metrics = MetricsText()
        func each(_ value: (ModelLane, ModelStatus) -> Double) -> [(
            labels: KeyValuePairs<String, String>, value: Double
        )] {
            models.map { (["model": $0.lane.name.text], value($0.lane, $0.status)) }
        }
        metrics.family(
            "sluice_model_open", .gauge, "1 while a model learns, 0 when it is closed.",
            registry.all.map { name, entry in
                if case .open = entry { return (["model": name.text], 1) }
                return (["model": name.text], 0)
            })
        metrics.family(
            "sluice_model_version", .gauge, "Version of the last batch learned.", each { Double($1.version.rawValue) })
        metrics.family(
            "sluice_published_version", .gauge, "Version of the last publish.",
            each { Double($1.publishedVersion.rawValue) })
        metrics.family(
            "sluice_example_weight_total", .counter, "Importance of all examples learned.", each { $1.total.weight })
        metrics.family(
            "sluice_progressive_log_loss", .gauge, "Mean log loss before learning, last examples.",
            each { $1.window.logLoss })
        metrics.family(
            "sluice_calibration_ratio", .gauge, "Sum of predictions over sum of labels, last examples.",
            each { $1.window.calibration })
        metrics.family("sluice_label_ratio", .gauge, "Share of label 1, last examples.", each { $1.window.labelRate })
        metrics.family(
            "sluice_published_rows_total", .counter, "Rows sent to the feed.", each { Double($1.publishedRowCount) })
        metrics.family(
            "sluice_published_bytes_total", .counter, "Bytes of parts, encoded once.",
            each { Double($1.publishedByteCount) })
        metrics.family(
            "sluice_followers", .gauge, "Feeds open now.", each { lane, _ in Double(lane.hub.followerCount) })
        metrics.family(
            "sluice_queued_bytes", .gauge, "Text waiting to be learned.",
            each { lane, _ in Double(lane.queuedByteCount.withLockedValue { $0 }) })
        metrics.family(
            "sluice_clamped_products_total", .counter, "Products of weight and value beyond 512.",
            each { Double($1.clampedCount) })
        exchange.respond(status: 200, contentType: MetricsText.contentType, body: Bytes(string: metrics.text))
    }
}
