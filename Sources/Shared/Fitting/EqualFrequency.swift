/// Edges that part the examples into bins of about the same weight; a number that many examples have is never parted.
///
/// - Parameter binCount: 2 or more. Fewer come out where there are fewer numbers.
/// - Returns: the edges, rising.
package func equalFrequencyEdges(_ runs: [ValueSummary.Run], binCount: Int) -> [Float] {
    let total = runs.reduce(0) { $0 + $1.weight }
    var edges: [Float] = []
    var (before, wanted) = (0.0, 1.0)
    for (k, run) in runs.enumerated() {
        if k > 0, before >= total * wanted / Double(binCount) {
            edges.append(edge(between: runs[k - 1].highest, and: run.lowest))
            while before >= total * wanted / Double(binCount) { wanted += 1 }
        }
        before += run.weight
        guard wanted < Double(binCount) else { break }
    }
    return edges
}
