package import Configuration
internal import Domain
package import Logging
package import Transport

/// Follows every model of one server node, over one connection, for as long as the worker runs.
///
/// When the server is gone the worker serves on from what it has; reconnects wait longer each time, with jitter.
package struct ServerFollower: Sendable {
    let server: Address
    /// The server's place among those followed.
    let place: Int
    let loops: EventLoops
    let token: ClusterToken?
    let replicas: ReplicaSet
    let log: Logger

    package init(
        server: Address, place: Int, loops: EventLoops, token: ClusterToken?, replicas: ReplicaSet, log: Logger
    ) {
        self.server = server
        self.place = place
        self.loops = loops
        self.token = token
        self.replicas = replicas
        self.log = log
    }

    /// Runs until cancelled.
    package func run() async {
        var backoff = Backoff(largest: Limits.Feed.reconnectWaitMax, random: SystemRandomNumberGenerator())
        while !Task.isCancelled {
            do throws(TransportError) {
                let client = try await HTTPClient.connect(
                    host: server.host, port: server.port, on: loops, token: token)
                log.info("connected", metadata: ["server": "\(server)"])
                backoff.reset()
                await follow(client)
                await client.close()
                log.warning("connection lost; serving on", metadata: ["server": "\(server)"])
            } catch {
                log.debug("cannot connect", metadata: ["server": "\(server)", "error": "\(error)"])
            }
            await pause(backoff.next())
        }
    }

    /// Follows each model the server names, until the connection ends.
    private func follow(_ client: HTTPClient) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await discover(client) }
            group.addTask { await client.waitUntilClosed() }
            await group.next()
            group.cancelAll()
        }
    }

    private func discover(_ client: HTTPClient) async {
        await withDiscardingTaskGroup { group in
            var followed: Set<ModelName> = []
            while !Task.isCancelled {
                for name in await modelNames(client) where followed.insert(name).inserted {
                    group.addTask { await follow(name, client) }
                }
                await pause(Limits.Feed.discoveryInterval)
            }
            group.cancelAll()
        }
    }

    private func modelNames(_ client: HTTPClient) async -> [ModelName] {
        do throws(TransportError) {
            let answer = try await client.request(.get, "/v1/peer/models", timeout: .seconds(5))
            if answer.status == 401 { log.error("the server refuses this node's token") }
            guard answer.status == 200 else { return [] }
            return String(buffer: answer.body).split(separator: "\n").compactMap { ModelName(String($0)) }
        } catch {
            // A server that has gone without a word leaves a connection that looks alive; its end is seen where it is waited for.
            if case .timedOut = error { await client.close() }
            return []
        }
    }

    /// Follows one model until the connection ends: opens its feed, and opens it anew whenever it ended.
    private func follow(_ name: ModelName, _ client: HTTPClient) async {
        let replica = await replicas.replica(name)
        while !Task.isCancelled && !client.isClosed {
            do {
                try await read(client, replica)
            } catch let failure as Replica.Failure {
                log.warning("feed opened anew", metadata: ["model": "\(name)", "reason": "\(failure)"])
            } catch {
                log.debug("feed ended", metadata: ["model": "\(name)", "reason": "\(error)"])
            }
            await replica.disconnected(from: place)
            await pause(Limits.Feed.reopenWait)
        }
    }

    private func read(_ client: HTTPClient, _ replica: Replica) async throws {
        var path = "/v1/peer/models/\(replica.name)/feed"
        if let (history, version) = await replica.connected(to: place) {
            path += "?history=\(history)&version=\(version)"
        }
        let stream = try await client.open(.get, path)
        try await stream.finish()
        guard try await stream.head.status == 200 else { return }
        for try await chunk in stream.body { try await replica.take(chunk, from: place) }
    }

    private func pause(_ duration: Duration) async {
        // Cancelled while waiting: the caller's loop sees it.
        try? await Task.sleep(for: duration)
    }
}
