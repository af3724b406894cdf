package import NIOCore

/// A streamed body that nobody wants: answered at once, read to its end.
package final class RefusedBody: BodyReceiver {
    package init(_ exchange: Exchange, status: Int, _ reason: String, headers: [(String, String)] = []) {
        exchange.fail(status: status, reason, headers: headers)
    }

    package func received(_ chunk: ByteBuffer, on exchange: Exchange) { exchange.consumed(chunk.readableBytes) }
    package func ended(_ exchange: Exchange) {}
    package func cancelled() {}
}
