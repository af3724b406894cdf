package import HTTP2
package import NIOCore

/// The methods a route can have; see `HTTP2.Method`.
package typealias Method = HTTP2.Method

/// A header field whose value is a whole number; see `HTTP2.NumberField`.
package typealias NumberField = HTTP2.NumberField

/// Who may use a route.
package enum Access: Sendable {
    case open
    /// Needs `authorization: Bearer <token>` when the router has a token; else 401.
    case cluster
}

/// Takes a streamed request body as it comes, on the connection's event loop.
package protocol BodyReceiver: AnyObject {
    /// Body bytes. Until `exchange.consumed` was called for them they hold the peer back.
    func received(_ chunk: ByteBuffer, on exchange: Exchange)
    /// The body is complete.
    func ended(_ exchange: Exchange)
    /// The peer went away or reset the stream; the exchange is dead.
    func cancelled()
}

/// One thing a node answers: method, path, who may ask, how much may be sent, and what to do.
package struct Route: Sendable {
    enum Handler: Sendable {
        case whole(bodyLimit: Int, @Sendable (Exchange, RawSpan) -> Void)
        case streaming(@Sendable (Exchange) -> any BodyReceiver)
    }

    let method: Method
    let pattern: PathPattern
    let access: Access
    let handler: Handler

    /// A route whose handler gets the complete body. The body is valid inside the call only; the answer may come later.
    /// - Parameters:
    ///   - path: a pattern; `{name}` captures a part of one segment.
    ///   - bodyLimit: in bytes; a longer body is answered with 413 and never held.
    package static func whole(
        _ method: Method, _ path: String, access: Access = .open, bodyLimit: Int,
        _ handle: @escaping @Sendable (Exchange, RawSpan) -> Void
    ) -> Route {
        Route(
            method: method, pattern: PathPattern(path), access: access,
            handler: .whole(bodyLimit: bodyLimit, handle))
    }

    /// A route whose receiver gets the body in pieces, with back-pressure by `exchange.consumed`.
    package static func streaming(
        _ method: Method, _ path: String, access: Access = .open,
        _ open: @escaping @Sendable (Exchange) -> any BodyReceiver
    ) -> Route {
        Route(method: method, pattern: PathPattern(path), access: access, handler: .streaming(open))
    }
}
