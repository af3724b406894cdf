internal import Features

extension RowTable {
    /// Opens the batch's columns and this table for one run of a kernel, after checking that they fit each other.
    mutating func withColumns<R>(
        _ batch: borrowing ExampleBatch, margins: inout [Double], weights: inout [Float],
        _ body: (LearningColumns) -> R
    ) -> R {
        let features = batch.featureCount + ExampleBatch.slack
        precondition(margins.count >= batch.exampleCount, "a margin for each example")
        guard batch.exampleCount > 0 else {
            preconditionFailure("an empty batch is not learned")
        }
        precondition(batch.indices.count >= features && batch.values.count >= features, "the columns have their slack")
        return unsafe margins.withUnsafeMutableBufferPointer { margins in
            unsafe weights.withUnsafeMutableBufferPointer { weights in
                unsafe batch.labels.withUnsafeBufferPointer { labels in
                    unsafe batch.importances.withUnsafeBufferPointer { importances in
                        unsafe batch.offsets.withUnsafeBufferPointer { offsets in
                            unsafe batch.indices.withUnsafeBufferPointer { indices in
                                unsafe batch.values.withUnsafeBufferPointer { values in
                                    unsafe body(
                                        LearningColumns(
                                            labels: labels.baseAddress!, importances: importances.baseAddress!,
                                            offsets: offsets.baseAddress!, indices: indices.baseAddress!,
                                            values: values.baseAddress!, margins: margins.baseAddress!,
                                            weights: weights.baseAddress!, table: rows, padding: UInt32(indexCount)))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Opens a slice's columns, a window's results and this table for one pass.
    ///
    /// - Precondition: the results have room for the window, the log for the tried examples (`WindowPass.run`).
    mutating func withPassColumns<R>(
        _ batch: borrowing ExampleBatch, residuals: [Float], margins: inout [Double], clampedCounts: inout [Int32],
        logEnds: inout [Int], weights: inout [Float], log: inout [LoggedRows], _ body: (PassColumns) -> R
    ) -> R {
        let features = batch.featureCount + ExampleBatch.slack
        precondition(batch.indices.count >= features && batch.values.count >= features, "the columns have their slack")
        return unsafe margins.withUnsafeMutableBufferPointer { margins in
            unsafe clampedCounts.withUnsafeMutableBufferPointer { clampedCounts in
                unsafe logEnds.withUnsafeMutableBufferPointer { logEnds in
                    unsafe withInputs(batch, residuals, &weights, &log) {
                        (offsets, indices, values, residuals, weights, log) in
                        unsafe body(
                            PassColumns(
                                offsets: offsets, indices: indices, values: values, residuals: residuals,
                                margins: margins.baseAddress!, clampedCounts: clampedCounts.baseAddress!,
                                logEnds: logEnds.baseAddress!, weights: weights, table: rows, log: log,
                                padding: UInt32(indexCount)))
                    }
                }
            }
        }
    }

    private func withInputs<R>(
        _ batch: borrowing ExampleBatch, _ residuals: [Float], _ weights: inout [Float], _ log: inout [LoggedRows],
        _ body: (
            UnsafePointer<UInt32>, UnsafePointer<UInt32>, UnsafePointer<Float>, UnsafePointer<Float>,
            UnsafeMutablePointer<Float>, UnsafeMutablePointer<LoggedRows>
        ) -> R
    ) -> R {
        unsafe weights.withUnsafeMutableBufferPointer { weights in
            unsafe log.withUnsafeMutableBufferPointer { log in
                unsafe residuals.withUnsafeBufferPointer { residuals in
                    unsafe batch.offsets.withUnsafeBufferPointer { offsets in
                        unsafe batch.indices.withUnsafeBufferPointer { indices in
                            unsafe batch.values.withUnsafeBufferPointer { values in
                                unsafe body(
                                    offsets.baseAddress!, indices.baseAddress!, values.baseAddress!,
                                    residuals.baseAddress!, weights.baseAddress!, log.baseAddress!)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Takes back the changes of groups `range` of a pass's log.
    mutating func undo(_ log: [LoggedRows], _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        precondition(range.upperBound <= log.count, "the groups were logged")
        unsafe log.withUnsafeBufferPointer { unsafe Learning.undo($0.baseAddress!, range, rows) }
    }
}
