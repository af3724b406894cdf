/// What can go wrong between this node and a peer, named by what the caller can do about it.
package enum TransportError: Error, Equatable, Sendable {
    /// Another process listens there: choose another port or stop it.
    case portInUse(host: String, port: Int)
    /// The address cannot be bound for another reason.
    case bindFailed(host: String, port: Int, reason: String)
    /// The listener would accept anyone from outside this machine: give it a token or a loopback address.
    case unauthenticatedBind(host: String)
    /// The token file cannot be used; the reason is a sentence.
    case tokenFile(path: String, reason: String)
    /// The peer cannot be reached: try again later.
    case connectFailed(host: String, port: Int, reason: String)
    /// No answer within the time given: the peer may or may not have acted.
    case timedOut
    /// The peer took no notice of the request: it is safe to send it again.
    case refused
    /// The peer or the network ended the stream or the connection: it may or may not have acted.
    case connectionLost(reason: String)
    /// This side closed the connection or cancelled the stream.
    case closed

    /// Sorts any error of the network layer into the case `lost`, unless it already is one of ours.
    static func from(_ error: any Error) -> TransportError {
        (error as? TransportError) ?? .connectionLost(reason: String(describing: error))
    }
}

extension TransportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .portInUse(let host, let port):
            "port \(port) on \(host) is in use; stop the other process or choose another port"
        case .bindFailed(let host, let port, let reason): "cannot listen on \(host), port \(port): \(reason)"
        case .unauthenticatedBind(let host):
            "a listener for nodes on \(host) can be reached from other machines: "
                + "give it the cluster's token (--token-file) or a loopback address"
        case .tokenFile(let path, let reason): "token file \(path): \(reason)"
        case .connectFailed(let host, let port, let reason): "cannot connect to \(host), port \(port): \(reason)"
        case .timedOut: "no answer within the time given"
        case .refused: "the peer refused the request"
        case .connectionLost(let reason): "the connection was lost: \(reason)"
        case .closed: "the connection was closed"
        }
    }
}
