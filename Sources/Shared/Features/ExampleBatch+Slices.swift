extension ExampleBatch {
    /// Each owner's part of the batch: of every example the features whose rows the owner has.
    ///
    /// A shard is the low bits of the index; what is left is the row's place in its owner's table. Features keep their
    /// order. Every slice has every example, and neither labels nor importances: those are the clock's.
    /// - Parameter shardCount: a power of two. One slice a shard.
    /// - Complexity: O(features + examples × shards).
    package func slices(_ shardCount: Int) -> [ExampleBatch] {
        precondition(shardCount > 0 && shardCount & (shardCount - 1) == 0, "shards are low bits of the index")
        let shardBits = UInt32(shardCount.trailingZeroBitCount)
        let mask = UInt32(shardCount - 1)
        var slices = (0..<shardCount).map { _ in ExampleBatch() }
        for shard in slices.indices { slices[shard].reserve(examples: exampleCount, features: featureCount) }
        for e in 0..<exampleCount {
            for at in Int(offsets[e])..<Int(offsets[e + 1]) {
                let shard = Int(indices[at] & mask)
                let place = slices[shard].featureCount
                slices[shard].indices[place] = indices[at] >> shardBits
                slices[shard].values[place] = values[at]
                slices[shard].featureCount = place + 1
            }
            for shard in slices.indices {
                slices[shard].exampleCount = e + 1
                slices[shard].offsets[e + 1] = UInt32(slices[shard].featureCount)
            }
        }
        return slices
    }
}
