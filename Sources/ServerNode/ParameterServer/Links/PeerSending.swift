package import Transport

/// Where a lane's messages to other nodes go. Each road keeps its order; between the two there is none.
package protocol PeerSending: Sendable {
    /// On the control link.
    func send(_ envelope: Envelope, to node: Int)
    /// A message already in bytes, on the bulk link.
    func sendBulk(_ bytes: Bytes, to node: Int)
    /// Whether the control link to a node stands.
    func isUp(_ node: Int) -> Bool
    /// Whether a batch for a node may join what waits there; a clock must be reached, so that someone answers.
    func hasRoom(_ node: Int, clock: Bool) -> Bool
}
