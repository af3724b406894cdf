internal import Transport

/// The way to a server node's feeds: a connection, or its routes in this process.
enum FeedLink: Sendable {
    case client(HTTPClient)
    case local(LocalRoutes)

    /// Whether nothing more comes this way.
    var isClosed: Bool {
        switch self {
        case .client(let client): client.isClosed
        case .local: false
        }
    }

    /// Returns when the way has ended; in one process when the task is cancelled.
    func waitUntilClosed() async {
        switch self {
        case .client(let client): await client.waitUntilClosed()
        case .local:
            // Cancelled while waiting: the loop sees it.
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        }
    }

    func close() async {
        if case .client(let client) = self { await client.close() }
    }

    func get(_ path: String, timeout: Duration) async throws(TransportError) -> (status: Int, body: Bytes) {
        switch self {
        case .client(let client):
            let answer = try await client.request(.get, path, timeout: timeout)
            return (answer.status, answer.body)
        case .local(let routes):
            let stream = await routes.open(path)
            var body = Bytes()
            while var chunk = await stream.next() { body.writeBuffer(&chunk) }
            return (await stream.status, body)
        }
    }

    /// Hands over a streamed answer, piece by piece; nothing of one that is not 200.
    func read(_ path: String, _ take: (Bytes) async throws -> Void) async throws {
        switch self {
        case .client(let client):
            let stream = try await client.open(.get, path)
            try await stream.finish()
            guard try await stream.head.status == 200 else { return }
            for try await chunk in stream.body { try await take(chunk) }
        case .local(let routes):
            let stream = await routes.open(path)
            defer { stream.cancel() }
            guard await stream.status == 200 else { return }
            while let chunk = await stream.next() { try await take(chunk) }
        }
    }
}
