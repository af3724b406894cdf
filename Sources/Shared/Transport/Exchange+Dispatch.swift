internal import HTTP2
internal import NIOCore

/// What a connection does with a request, the same for both protocols.
extension Exchange {
    /// The header block is complete: finds the route, checks who asks and how much is announced.
    /// Whatever is refused is answered here; the rest of its body is then dropped.
    func open(_ router: Router, _ cache: inout RouteCache) {
        let lookup = headers.withPath { cache.find(headers.method, $0, in: router) }
        switch lookup {
        case .unknownPath:
            fail(status: 404, "There is nothing at this path.")
        case .wrongMethod(let allow):
            fail(status: 405, "This path does not take this method.", headers: [("allow", allow)])
        case .found(let match):
            let route = match.route.route
            if route.access == .cluster, let token = router.token, !proves(token) {
                fail(
                    status: 401, "This path needs the cluster's token.", headers: [("www-authenticate", "Bearer")])
                return
            }
            self.match = match
            switch route.handler {
            case .whole(let bodyLimit, _):
                if headers.contentLength > bodyLimit { refuseBody(bodyLimit) }
            case .streaming(let open):
                receiver = open(self)
            }
        }
    }

    /// A body that arrived in one piece, with nothing to follow: handled where it lies.
    func receivedWhole(_ bytes: RawSpan) {
        guard !isAnswered, let match, receivedByteCount == 0,
            case .whole(let bodyLimit, let handle) = match.route.route.handler
        else { return }
        receivedByteCount = bytes.byteCount
        if bytes.byteCount > bodyLimit {
            refuseBody(bodyLimit)
        } else {
            hasRequestEnded = true
            handle(self, bytes)
        }
    }

    /// Whether the body may be handed over where it lies, when it is all there is.
    var takesWhole: Bool {
        !isAnswered && receivedByteCount == 0 && match?.route.isWhole == true
    }

    /// A piece of the body.
    /// - Returns: whether the bytes are dealt with; those of a streaming route are not until `consumed`, those of a
    ///   refused body never.
    func received(_ bytes: RawSpan, slice: @autoclosure () -> ByteBuffer) -> Bool {
        guard isAlive, let match else { return false }
        switch match.route.route.handler {
        case .whole(let bodyLimit, _):
            // What follows a refusal is dropped and not consumed: the peer's window runs out.
            guard !isAnswered else { return false }
            receivedByteCount += bytes.byteCount
            guard receivedByteCount <= bodyLimit else {
                refuseBody(bodyLimit)
                return false
            }
            requestBody.writeBytes(bytes)
            return true
        case .streaming:
            guard let receiver, !isDone else { return false }
            receivedByteCount += bytes.byteCount
            receiver.received(slice(), on: self)
            return false
        }
    }

    /// The request is complete.
    func requestEnded() {
        guard isAlive, !hasRequestEnded else { return }
        hasRequestEnded = true
        guard let match else { return }
        switch match.route.route.handler {
        case .whole(_, let handle):
            guard !isAnswered else { return }
            let body = requestBody
            requestBody = ByteBuffer()
            handle(self, body.readableBytesSpan)
            keepMemory(of: body)
        case .streaming:
            if !isDone { receiver?.ended(self) }
        }
    }

    /// The peer went away, or the connection did.
    func cancelled() {
        let receiver = isDone ? nil : self.receiver
        end()
        receiver?.cancelled()
    }

    /// Whether the answer is complete: the receiver hears no more, so that bytes which follow cannot make it answer
    /// twice.
    private var isDone: Bool { isAnswered && outgoing.hasEnded }

    private func refuseBody(_ bodyLimit: Int) {
        requestBody = ByteBuffer()
        fail(status: 413, "The body is larger than \(bodyLimit) bytes.")
    }

    private func proves(_ token: ClusterToken) -> Bool {
        guard let position = headers.position(of: "authorization") else { return false }
        return headers.withValue(at: position) { token.isProved(by: $0) }
    }
}
