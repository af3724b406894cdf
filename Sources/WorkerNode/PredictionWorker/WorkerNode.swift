package import Configuration
internal import Domain
internal import Logging
internal import SystemPackage
package import Transport

/// A worker node: follows server nodes and answers reads. `run` returns when it was drained.
package struct WorkerNode: Sendable {
    private let options: WorkerOptions
    private let local: LocalRoutes?

    /// - Parameter local: a server node of this process that is followed, too.
    package init(_ options: WorkerOptions, local: LocalRoutes? = nil) {
        self.options = options
        self.local = local
    }

    /// Runs until `stop` answers.
    ///
    /// - Parameter started: told the port, once the listener answers.
    package func run(started: (_ port: Int) -> Void, stop: () async -> Void) async throws {
        let log = Logger(label: "sluice.worker.\(options.name)")
        let group = makeEventLoops(options.loopCount)
        let loops = await PerLoop(group) { LoopModels() }
        let replicas = ReplicaSet(loops)
        let token: ClusterToken? =
            if let path = options.tokenFile { try ClusterToken(readingFile: path) } else { nil }
        let saved = try savedModels(loops, log)
        let loaded = try await saved.loadNamed()

        let isDraining = Locked(false)
        let routes = WorkerRoutes(node: options.name, loops: loops, replicas: replicas, isDraining: isDraining)
        let listener = try await HTTPListener.start(
            host: options.listen.host, port: options.listen.port, group: group, router: Router(routes.all))
        log.info("listening", metadata: ["http": "\(listener.port)"])
        started(listener.port)

        await withDiscardingTaskGroup { tasks in
            if saved.folder != nil || !saved.folders.isEmpty {
                tasks.addTask(executorPreference: replicas.thread) { await saved.run(loaded) }
            }
            let servers = options.servers.map(FollowedServer.address) + (local.map { [.local($0)] } ?? [])
            for (place, server) in servers.enumerated() {
                let follower = ServerFollower(
                    server: server, place: place, loops: replicas.thread.loops, token: token, replicas: replicas,
                    log: log)
                tasks.addTask(executorPreference: replicas.thread) { await follower.run() }
            }
            await stop()
            log.info("draining")
            isDraining.withLockedValue { $0 = true }
            await listener.drain(within: Limits.Node.drainTimeout)
            tasks.cancelAll()
        }
        log.info("stopped")
    }

    private func savedModels(_ loops: PerLoop<LoopModels>, _ log: Logger) throws(ConfigurationError) -> SavedModels {
        var folders: [ModelName: FilePath] = [:]
        for (text, folder) in options.modelFolders {
            guard let name = ModelName(text) else {
                throw ConfigurationError("'\(text)' is no model's name: 1 to 64 letters, digits, '_', '-' or '.'")
            }
            folders[name] = FilePath(folder)
        }
        return SavedModels(folders: folders, folder: options.modelsFolder.map { FilePath($0) }, loops: loops, log: log)
    }
}
