package import Features

/// The rows touched since the last publish: one bit a row, and a summary bit for every 4096 rows.
///
/// - Cost: marking is two words a feature; draining reads only the blocks that the summary names.
package struct DirtyRows: ~Copyable {
    private var words: [UInt64]
    private var summary: [UInt64]

    package init(rowCount: Int) {
        words = Array(repeating: 0, count: (rowCount + 63) / 64)
        summary = Array(repeating: 0, count: (words.count + 64 * 64 - 1) / (64 * 64))
    }

    package mutating func mark(_ batch: borrowing ExampleBatch) {
        markRows(batch.indices.span.extracting(first: batch.featureCount), &words, &summary)
    }

    package mutating func mark(_ rows: [UInt32]) { markRows(rows.span, &words, &summary) }

    /// Hands out the marked rows in rising order and unmarks them.
    package mutating func drain(into rows: inout [UInt32]) {
        for s in summary.indices where summary[s] != 0 {
            var blocks = summary[s]
            summary[s] = 0
            while blocks != 0 {
                let block = s * 64 + blocks.trailingZeroBitCount
                blocks &= blocks - 1
                for w in block * 64..<min(block * 64 + 64, words.count) where words[w] != 0 {
                    var bits = words[w]
                    words[w] = 0
                    while bits != 0 {
                        rows.append(UInt32(w * 64 + bits.trailingZeroBitCount))
                        bits &= bits - 1
                    }
                }
            }
        }
    }
}
