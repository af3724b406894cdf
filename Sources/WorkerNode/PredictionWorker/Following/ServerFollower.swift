package import Configuration
internal import Domain
package import Logging
package import Transport

/// Where a server node's models are followed.
package enum FollowedServer: Sendable {
    case address(Address)
    /// In this process.
    case local(LocalRoutes)
}

/// Follows every model of one server node, over one connection, for as long as the worker runs.
///
/// When the server is gone the worker serves on from what it has; reconnects wait longer each time, with jitter.
package struct ServerFollower: Sendable {
    let server: FollowedServer
    /// The server's place among those followed.
    let place: Int
    let loops: EventLoops
    let token: ClusterToken?
    let replicas: ReplicaSet
    let log: Logger

    package init(
        server: FollowedServer, place: Int, loops: EventLoops, token: ClusterToken?, replicas: ReplicaSet, log: Logger
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
            switch server {
            case .local(let routes): await follow(.local(routes))
            case .address(let address):
                do throws(TransportError) {
                    let client = try await HTTPClient.connect(
                        host: address.host, port: address.port, on: loops, token: token)
                    log.info("connected", metadata: ["server": "\(address)"])
                    backoff.reset()
                    await follow(.client(client))
                    await client.close()
                    log.warning("connection lost; serving on", metadata: ["server": "\(address)"])
                } catch {
                    log.debug("cannot connect", metadata: ["server": "\(address)", "error": "\(error)"])
                }
            }
            await pause(backoff.next())
        }
    }

    /// Follows each model the server names, until the connection ends.
    private func follow(_ link: FeedLink) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await discover(link) }
            group.addTask { await link.waitUntilClosed() }
            await group.next()
            group.cancelAll()
        }
    }

    private func discover(_ link: FeedLink) async {
        await withDiscardingTaskGroup { group in
            var followed: Set<ModelName> = []
            while !Task.isCancelled {
                for name in await modelNames(link) where followed.insert(name).inserted {
                    group.addTask { await follow(name, link) }
                }
                await pause(Limits.Feed.discoveryInterval)
            }
            group.cancelAll()
        }
    }

    private func modelNames(_ link: FeedLink) async -> [ModelName] {
        do throws(TransportError) {
            let answer = try await link.get("/v1/peer/models", timeout: .seconds(5))
            if answer.status == 401 { log.error("the server refuses this node's token") }
            guard answer.status == 200 else { return [] }
            return String(buffer: answer.body).split(separator: "\n").compactMap { ModelName(String($0)) }
        } catch {
            // A server that has gone without a word leaves a connection that looks alive; its end is seen where it is waited for.
            if case .timedOut = error { await link.close() }
            return []
        }
    }

    /// Follows one model until the connection ends: opens its feed, and opens it anew whenever it ended.
    private func follow(_ name: ModelName, _ link: FeedLink) async {
        let replica = await replicas.replica(name)
        while !Task.isCancelled && !link.isClosed {
            do {
                try await read(link, replica)
            } catch let failure as Replica.Failure {
                log.warning("feed opened anew", metadata: ["model": "\(name)", "reason": "\(failure)"])
            } catch {
                log.debug("feed ended", metadata: ["model": "\(name)", "reason": "\(error)"])
            }
            await replica.disconnected(from: place)
            await pause(Limits.Feed.reopenWait)
        }
    }

    private func read(_ link: FeedLink, _ replica: Replica) async throws {
        var path = "/v1/peer/models/\(replica.name)/feed"
        if let (history, version) = await replica.connected(to: place) {
            path += "?history=\(history)&version=\(version)"
        }
        try await link.read(path) { chunk in try await replica.take(chunk, from: place) }
    }

    private func pause(_ duration: Duration) async {
        // Cancelled while waiting: the caller's loop sees it.
        try? await Task.sleep(for: duration)
    }
}
