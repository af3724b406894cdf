/// Names a batch between server nodes: the node whose intake took it, and its number there.
///
/// Numbers of a node's later life are above those of an earlier one (`ServerGroup` starts them at the time), so that no
/// batch is taken for another that its intake forgot in a crash.
package struct BatchID: Hashable, Sendable, CustomStringConvertible {
    /// The node's place in the cluster file.
    package var node: Int
    package var number: UInt64

    package init(node: Int, number: UInt64) {
        self.node = node
        self.number = number
    }

    package var description: String { "\(node)/\(number)" }
}
