/// A namespace's features while crosses are made: their indices and values side by side with other namespaces'.
struct CrossedColumns {
    /// Features ordered by namespace. Shape [features].
    var indices: [UInt32] = []
    var values: [Float] = []
    /// Where each namespace's begin. Shape [namespaces + 1].
    var starts: [Int] = []
}

/// The prime of Vowpal Wabbit's crosses: FNV's. Source: VW `constant.h`.
private let crossPrime: UInt32 = 16_777_619

/// Writes the features of one term: every choice of one feature from each of its namespaces, the last one's changing fastest; of a
/// namespace that comes several times in a row no choice twice.
///
///     index = (((P · i1) xor i2) · P) xor i3 …, masked;  value = v1 · v2 · v3 …
///
/// - Parameters:
///   - places: the term's namespaces as places in `starts`. 2 to 8.
///   - indices, values: receive the features; there is room for all that `CrossPlan.featureCount` tells.
/// - Returns: how many there are.
func crossFeatures(
    _ columns: borrowing CrossedColumns, _ places: ArraySlice<UInt8>, mask: UInt32, _ indices: UnsafeMutablePointer<UInt32>,
    _ values: UnsafeMutablePointer<Float>
) -> Int {
    var at: InlineArray<8, Int> = InlineArray(repeating: 0)
    var hashes: InlineArray<8, UInt32> = InlineArray(repeating: 0)
    var products: InlineArray<8, Float> = InlineArray(repeating: 1)
    let first = places.startIndex
    let last = places.count - 1
    var depth = 0
    var count = 0
    at[0] = columns.starts[Int(places[first])]
    while depth >= 0 {
        let place = Int(places[first + depth])
        let end = columns.starts[place + 1]
        let (half, product) = depth == 0 ? (0, 1) : (hashes[depth - 1] &* crossPrime, products[depth - 1])
        if depth == last {
            for feature in at[depth]..<end {
                unsafe indices[count] = (half ^ columns.indices[feature]) & mask
                unsafe values[count] = product * columns.values[feature]
                count &+= 1
            }
            depth -= 1
            if depth >= 0 { at[depth] += 1 }
            continue
        }
        guard at[depth] < end else {
            depth -= 1
            if depth >= 0 { at[depth] += 1 }
            continue
        }
        hashes[depth] = half ^ columns.indices[at[depth]]
        products[depth] = product * columns.values[at[depth]]
        let next = Int(places[first + depth + 1])
        at[depth + 1] = next == place ? at[depth] : columns.starts[next]
        depth += 1
    }
    return count
}

extension ExampleBatch {
    /// Puts each example's crosses behind its own features, from example `first` on.
    mutating func addCrosses(from first: Int, _ plan: inout CrossPlan, _ groups: inout NamespaceGroups, mask: UInt32) {
        let added = groups.crossCounts.reduce(0, +)
        guard added > 0 else { return }
        reserve(examples: 0, features: added)
        var columns = CrossedColumns()
        var shift = added
        unsafe indices.withUnsafeMutableBufferPointer { indices in
            unsafe values.withUnsafeMutableBufferPointer { values in
                guard let indices = indices.baseAddress, let values = values.baseAddress else { return }
                // From the last one on, so that nothing is written over that is still to be moved.
                for e in groups.crossCounts.indices.reversed() {
                    groups.look(at: e)
                    plan.adapt(to: groups.bytes)
                    let own = Int(offsets[first + e])..<Int(offsets[first + e + 1])
                    unsafe columns.gather(groups, e, indices, values)
                    offsets[first + e + 1] = UInt32(own.upperBound + shift)
                    shift -= groups.crossCounts[e]
                    let start = own.lowerBound + shift
                    unsafe (indices + start).update(from: indices + own.lowerBound, count: own.count)
                    unsafe (values + start).update(from: values + own.lowerBound, count: own.count)
                    var end = start + own.count
                    var term = 0
                    for termEnd in plan.ends {
                        end += unsafe crossFeatures(
                            columns, plan.places[term..<termEnd], mask: mask, indices + end, values + end)
                        term = termEnd
                    }
                }
            }
        }
        featureCount += added
    }
}

extension CrossedColumns {
    /// Takes the features of an example's namespaces, in the order of the namespaces.
    fileprivate mutating func gather(
        _ groups: borrowing NamespaceGroups, _ example: Int, _ indices: UnsafePointer<UInt32>, _ values: UnsafePointer<Float>
    ) {
        self.indices.removeAll(keepingCapacity: true)
        self.values.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        for byte in groups.bytes {
            starts.append(self.indices.count)
            for segment in groups.segments(of: example) where segment.byte == byte {
                for feature in segment.features {
                    unsafe self.indices.append(indices[feature])
                    unsafe self.values.append(values[feature])
                }
            }
        }
        starts.append(self.indices.count)
    }
}
