internal import CKernels

/// The columns of `ParsedExamples` while lines are written into them.
///
/// Safe because it lives only inside `withColumns`, and room was made for every delimiter and byte of the window.
@safe
struct ParsedColumns {
    let labels, importances, initials: UnsafeMutablePointer<Float>
    let tagEnds, segmentEnds: UnsafeMutablePointer<UInt32>
    let tags, segmentBytes: UnsafeMutablePointer<UInt8>
    let featureEnds, indices: UnsafeMutablePointer<UInt32>
    let values: UnsafeMutablePointer<Float>
    let nameWords: UnsafeMutablePointer<UInt64>
    let nameByteCounts: UnsafeMutablePointer<UInt32>
    var exampleCount, segmentCount, featureCount, tagByteCount: Int
    var names: [String] = []
    var warnings: [ParsedExamples.Warning] = []
    /// Of the segment that is read: they wait until it has ended.
    var affixes: [(index: UInt32, value: Float, name: String)] = []

    @inline(__always)
    mutating func addFeature(_ index: UInt32, _ value: Float) {
        unsafe indices[featureCount] = index
        unsafe values[featureCount] = value
        unsafe nameByteCounts[featureCount] = 0
        featureCount &+= 1
    }

    /// Adds a feature whose name of 1 to 8 bytes `hashNames` turns into its index.
    @inline(__always)
    mutating func addFeature(named word: UInt64, byteCount: Int, seed: UInt32, _ value: Float) {
        unsafe indices[featureCount] = seed
        unsafe values[featureCount] = value
        unsafe nameWords[featureCount] = word
        unsafe nameByteCounts[featureCount] = UInt32(truncatingIfNeeded: byteCount)
        featureCount &+= 1
    }

    /// Hashes the names added from feature `start` on, eight at a time; the columns have room for eight beyond the last.
    func hashNames(from start: Int, digitsAreNumbers: Bool) {
        unsafe (nameByteCounts + featureCount).update(repeating: 0, count: 8)
        var at = start
        while at < featureCount {
            let seeds = unsafe UnsafeRawPointer(indices + at).loadUnaligned(as: SIMD8<UInt32>.self)
            let hashes = unsafe sluice_hash_names8(nameWords + at, nameByteCounts + at, seeds, digitsAreNumbers)
            unsafe UnsafeMutableRawPointer(indices + at).storeBytes(of: hashes, as: SIMD8<UInt32>.self)
            at += 8
        }
    }

    /// Ends a segment, if it has features.
    @inline(__always)
    mutating func endSegment(_ byte: UInt8, firstFeature: Int) {
        guard featureCount > firstFeature else { return }
        unsafe segmentBytes[segmentCount] = byte
        unsafe featureEnds[segmentCount] = UInt32(truncatingIfNeeded: featureCount)
        segmentCount &+= 1
    }

    /// Adds the affixes of the segment that has ended, as a segment of their own.
    mutating func endAffixes() {
        let first = featureCount
        for affix in affixes { addFeature(affix.index, affix.value) }
        if !names.isEmpty { names += affixes.map(\.name) }
        affixes.removeAll(keepingCapacity: true)
        endSegment(ParsedExamples.affixNamespace, firstFeature: first)
    }

    mutating func addTag(_ byte: UInt8) {
        unsafe tags[tagByteCount] = byte
        tagByteCount &+= 1
    }

    @inline(__always)
    mutating func endExample(_ label: LineLabel) {
        unsafe labels[exampleCount] = label.label
        unsafe importances[exampleCount] = label.importance
        unsafe initials[exampleCount] = label.initial
        unsafe tagEnds[exampleCount] = UInt32(truncatingIfNeeded: tagByteCount)
        unsafe segmentEnds[exampleCount] = UInt32(truncatingIfNeeded: segmentCount)
        exampleCount &+= 1
    }

    mutating func warn(_ sentence: String, line: String? = nil) {
        warnings.append(ParsedExamples.Warning(example: exampleCount, sentence: sentence, line: line))
    }
}

extension ParsedExamples {
    /// Opens the columns behind what is in; room was made for all that come.
    mutating func withColumns(_ fill: (inout ParsedColumns) -> Void) {
        let counts = (exampleCount, segmentCount, featureCount, tagByteCount)
        let (names, warnings) = (names, warnings)
        (self.names, self.warnings) = ([], [])
        let filled = unsafe labels.withUnsafeMutableBufferPointer { labels in
            unsafe importances.withUnsafeMutableBufferPointer { importances in
                unsafe initials.withUnsafeMutableBufferPointer { initials in
                    unsafe tagEnds.withUnsafeMutableBufferPointer { tagEnds in
                        unsafe segmentEnds.withUnsafeMutableBufferPointer { segmentEnds in
                            unsafe tags.withUnsafeMutableBufferPointer { tags in
                                unsafe segmentBytes.withUnsafeMutableBufferPointer { segmentBytes in
                                    unsafe featureEnds.withUnsafeMutableBufferPointer { featureEnds in
                                        unsafe indices.withUnsafeMutableBufferPointer { indices in
                                            unsafe values.withUnsafeMutableBufferPointer { values in
                                                unsafe nameWords.withUnsafeMutableBufferPointer { words in
                                                    unsafe nameByteCounts.withUnsafeMutableBufferPointer { nameCounts in
                                                        var columns = unsafe ParsedColumns(
                                                            labels: labels.baseAddress!,
                                                            importances: importances.baseAddress!,
                                                            initials: initials.baseAddress!,
                                                            tagEnds: tagEnds.baseAddress!,
                                                            segmentEnds: segmentEnds.baseAddress!,
                                                            tags: tags.baseAddress!,
                                                            segmentBytes: segmentBytes.baseAddress!,
                                                            featureEnds: featureEnds.baseAddress!,
                                                            indices: indices.baseAddress!,
                                                            values: values.baseAddress!,
                                                            nameWords: words.baseAddress!,
                                                            nameByteCounts: nameCounts.baseAddress!,
                                                            exampleCount: counts.0, segmentCount: counts.1,
                                                            featureCount: counts.2, tagByteCount: counts.3,
                                                            names: names, warnings: warnings)
                                                        fill(&columns)
                                                        return columns
                                                    }
                                                }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        (exampleCount, segmentCount) = (filled.exampleCount, filled.segmentCount)
        (featureCount, tagByteCount) = (filled.featureCount, filled.tagByteCount)
        (self.names, self.warnings) = (filled.names, filled.warnings)
    }
}
