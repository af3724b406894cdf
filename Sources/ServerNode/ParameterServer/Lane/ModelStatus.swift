package import Domain
package import Learning

/// What a node tells about a model, as of its last batch.
package struct ModelStatus: Sendable {
    package var version = Version.zero
    package var publishedVersion = Version.zero
    package var publishedRowCount: UInt64 = 0
    package var publishedByteCount: UInt64 = 0
    package var total = Validation.Sums()
    package var window = Validation.Sums()
    package var auc = Double.nan
    package var clampedCount = 0

    package init() {}

    /// Progressive validation, JSON.
    package var validationJSON: String {
        func sums(_ sums: Validation.Sums) -> KeyValuePairs<String, String> {
            [
                "weight": jsonNumber(sums.weight), "log_loss": jsonNumber(sums.logLoss),
                "calibration": jsonNumber(sums.calibration), "label_rate": jsonNumber(sums.labelRate),
                "normalised_entropy": jsonNumber(sums.normalisedEntropy),
            ]
        }
        return jsonObject([
            "log_loss": jsonNumber(total.logLoss), "auc": jsonNumber(auc), "calibration": jsonNumber(total.calibration),
            "total": jsonObject(sums(total)), "window": jsonObject(sums(window)),
        ])
    }
}
