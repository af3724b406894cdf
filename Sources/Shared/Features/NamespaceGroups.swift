/// Which features of an example are of which namespace, while its crosses are made.
struct NamespaceGroups: Sendable {
    /// Features of one namespace as it stands in a line.
    struct Segment: Sendable {
        /// The first byte of its name; a space where it has none.
        var byte: UInt8
        var features: Range<Int>
        /// The largest magnitude of their values.
        var largest: Float
    }

    /// Segments of the examples parsed, and where each example's end; how many crossed features each has.
    private(set) var segments: [Segment] = []
    private(set) var ends: [Int] = []
    private(set) var crossCounts: [Int] = []
    // Of the example looked at: its namespaces, rising; how many features each has, and the largest magnitude.
    private(set) var bytes: [UInt8] = []
    private(set) var counts: [Int] = []
    private(set) var largest: [Float] = []

    mutating func removeAll() {
        segments.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        crossCounts.removeAll(keepingCapacity: true)
    }

    mutating func append(_ segment: Segment) { segments.append(segment) }

    /// The line that is read is refused.
    mutating func dropLine() { segments.removeLast(segments.count - (ends.last ?? 0)) }

    mutating func endExample(crossCount: Int) {
        ends.append(segments.count)
        crossCounts.append(crossCount)
    }

    func segments(of example: Int) -> ArraySlice<Segment> {
        segments[(example == 0 ? 0 : ends[example - 1])..<ends[example]]
    }

    /// Looks at the segments behind the last example's, or at an example's.
    mutating func look(at example: Int? = nil) {
        let looked = example.map { segments(of: $0) } ?? segments[(ends.last ?? 0)...]
        bytes.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
        largest.removeAll(keepingCapacity: true)
        for segment in looked where !segment.features.isEmpty {
            var place = bytes.count
            while place > 0 && bytes[place - 1] >= segment.byte { place -= 1 }
            if place < bytes.count && bytes[place] == segment.byte {
                counts[place] += segment.features.count
                largest[place] = max(largest[place], segment.largest)
            } else {
                bytes.insert(segment.byte, at: place)
                counts.insert(segment.features.count, at: place)
                largest.insert(segment.largest, at: place)
            }
        }
    }
}
