/// A batch's columns while a kernel writes them.
///
/// Safe because it lives only inside `withColumns`, and the batch has reserved room for every delimiter of the
/// window: no line makes more features than it has delimiters.
@safe
struct BatchColumns {
    let labels: UnsafeMutablePointer<Float>
    let importances: UnsafeMutablePointer<Float>
    let offsets: UnsafeMutablePointer<UInt32>
    let indices: UnsafeMutablePointer<UInt32>
    let values: UnsafeMutablePointer<Float>
    var exampleCount: Int
    var featureCount: Int

    @inline(__always)
    mutating func addFeature(_ index: UInt32, _ value: Float) {
        unsafe indices[featureCount] = index
        unsafe values[featureCount] = value
        featureCount &+= 1
    }

    @inline(__always)
    mutating func endExample(label: Float, importance: Float) {
        unsafe labels[exampleCount] = label
        unsafe importances[exampleCount] = importance
        exampleCount &+= 1
        unsafe offsets[exampleCount] = UInt32(truncatingIfNeeded: featureCount)
    }
}

extension ExampleBatch {
    mutating func withColumns(_ fill: (inout BatchColumns) -> Void) {
        let (examples, features) = (exampleCount, featureCount)
        let counts = unsafe labels.withUnsafeMutableBufferPointer { labels in
            unsafe importances.withUnsafeMutableBufferPointer { importances in
                unsafe offsets.withUnsafeMutableBufferPointer { offsets in
                    unsafe indices.withUnsafeMutableBufferPointer { indices in
                        unsafe values.withUnsafeMutableBufferPointer { values in
                            var columns = unsafe BatchColumns(
                                labels: labels.baseAddress!, importances: importances.baseAddress!,
                                offsets: offsets.baseAddress!, indices: indices.baseAddress!,
                                values: values.baseAddress!, exampleCount: examples, featureCount: features)
                            fill(&columns)
                            return (columns.exampleCount, columns.featureCount)
                        }
                    }
                }
            }
        }
        (exampleCount, featureCount) = counts
    }
}
