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
}
