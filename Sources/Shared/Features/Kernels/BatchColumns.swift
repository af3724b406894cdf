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
    var names: NamePointers
    var exampleCount: Int
    var featureCount: Int

    @inline(__always)
    mutating func addFeature(_ index: UInt32, _ value: Float) {
        unsafe indices[featureCount] = index
        unsafe values[featureCount] = value
        names.set(featureCount, 0, byteCount: 0)
        featureCount &+= 1
    }

    /// Adds a feature whose name of 1 to 8 bytes `hashNames` will turn into its index.
    @inline(__always)
    mutating func addFeature(named name: UInt64, byteCount: Int, seed: UInt32, _ value: Float) {
        unsafe indices[featureCount] = seed
        unsafe values[featureCount] = value
        names.set(featureCount, name, byteCount: byteCount)
        featureCount &+= 1
    }

    /// Hashes the names added since the columns were opened, and takes every index below the mask.
    func hashNames(digitsAreNumbers: Bool, mask: UInt32) {
        unsafe names.hash(indices, end: featureCount, digitsAreNumbers: digitsAreNumbers, mask: mask)
    }

    /// The largest magnitude of the values of features `range`, 0 for none.
    func largestValue(_ range: Range<Int>) -> Float {
        var largest: Float = 0
        for feature in range { largest = unsafe max(largest, values[feature].magnitude) }
        return largest
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
    /// Opens the columns for features behind those already there; `names` has room for all that come.
    mutating func withColumns(_ names: inout NameColumn, _ fill: (inout BatchColumns) -> Void) {
        let (examples, features) = (exampleCount, featureCount)
        let counts = unsafe labels.withUnsafeMutableBufferPointer { labels in
            unsafe importances.withUnsafeMutableBufferPointer { importances in
                unsafe offsets.withUnsafeMutableBufferPointer { offsets in
                    unsafe indices.withUnsafeMutableBufferPointer { indices in
                        unsafe values.withUnsafeMutableBufferPointer { values in
                            names.withPointers(firstFeature: features) { names in
                                var columns = unsafe BatchColumns(
                                    labels: labels.baseAddress!, importances: importances.baseAddress!,
                                    offsets: offsets.baseAddress!, indices: indices.baseAddress!,
                                    values: values.baseAddress!, names: names, exampleCount: examples,
                                    featureCount: features)
                                fill(&columns)
                                return (columns.exampleCount, columns.featureCount)
                            }
                        }
                    }
                }
            }
        }
        (exampleCount, featureCount) = counts
    }
}
