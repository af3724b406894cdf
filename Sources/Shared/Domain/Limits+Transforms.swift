extension Limits {
    package enum Transforms {
        /// Features that transforms may add to an example: half of what it may have.
        package static let addedCountMax = Features.perExampleMax / 2
        /// Edges of one feature's bins.
        package static let edgeCountMax = 4096
        /// Features that the trees of one list compare; a node keeps one's number in 16 bits.
        package static let inputCountMax = 1 << 14
        /// Nodes of one tree.
        package static let nodeCountMax = 1 << 16
        /// Splits on the way to a leaf.
        package static let depthMax = 128
    }
}
