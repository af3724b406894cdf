package import Configuration
internal import Domain
internal import Files
internal import Journal
internal import Logging
internal import SystemPackage
package import Transport

/// A server node: owns models or shards of them, learns training traffic, feeds followers. `run` returns when it was drained.
package struct ServerNode: Sendable {
    private let options: ServerOptions

    package init(_ options: ServerOptions) { self.options = options }

    /// Runs until `stop` answers.
    ///
    /// - Parameters:
    ///   - started: told the ports, once both listeners answer.
    ///   - local: told what a worker of this process follows, once the node answers.
    ///   - stop: returns when the node shall drain and end.
    package func run(
        started: (_ port: Int, _ peerPort: Int) -> Void, local: (LocalRoutes) -> Void = { _ in }, stop: () async -> Void
    ) async throws {
        let log = Logger(label: "sluice.server.\(options.name)")
        let snapshots = options.stateFolder.map { SnapshotFolder(FilePath($0).appending("snapshots")) }
        let journal = try openJournal(snapshots, log)
        let registry = try ModelRegistry(
            publishInterval: options.publishInterval, stateFolder: options.stateFolder, journal: journal,
            snapshots: journal == nil ? nil : snapshots, snapshotInterval: options.snapshotInterval,
            mirror: try mirror(journal, log), tape: try openTape())
        let token: ClusterToken? =
            if let path = options.tokenFile { try ClusterToken(readingFile: path) } else { nil }
        let group = try ServerGroup(
            options.topology ?? ClusterTopology(alone: options), name: options.name, registry: registry, token: token,
            log: log)
        // Beside other nodes, parsing gives way to rounds.
        let loops = makeEventLoops(
            options.loopCount, niceness: group.links == nil ? 0 : Limits.Group.parsingNiceness)
        let isDraining = Locked(false)
        let routes = ServerRoutes(group: group, forwarding: Forwarding(loops: loops), isDraining: isDraining)

        let listener = try await HTTPListener.start(
            host: options.listen.host, port: options.listen.port, group: loops, router: Router(routes.all))
        let peers = try await HTTPListener.start(
            host: options.peerListen.host, port: options.peerListen.port, group: loops,
            router: Router(routes.forNodes + group.bulkRoutes, token: token),
            options: ListenerOptions(requiresToken: true))
        let control = try await group.listen(options.controlListen, token: token)
        log.info("listening", metadata: ["http": "\(listener.port)", "peer": "\(peers.port)"])
        started(listener.port, peers.port)
        local(LocalRoutes(Router(routes.forNodes), loops: loops))

        await withDiscardingTaskGroup { tasks in
            if let links = group.links { tasks.addTask { await links.run() } }
            await stop()
            log.info("draining")
            isDraining.withLockedValue { $0 = true }
            await listener.drain(within: Limits.Node.drainTimeout)
            await registry.close()
            tasks.cancelAll()
        }
        // Links and feeds have no end of their own.
        async let closingPeers: Void = peers.drain(within: Limits.Node.peerDrainTimeout)
        async let closingControl: Void? = control?.drain(within: Limits.Node.peerDrainTimeout)
        _ = await (closingPeers, closingControl)
        await journal?.close()
        log.info("stopped")
    }

    /// Where snapshots are copied; nil where nobody asked for it.
    private func mirror(_ journal: NodeJournal?, _ log: Logger) throws -> SnapshotFolder? {
        guard let path = options.mirror else { return nil }
        guard journal != nil else {
            throw ConfigurationError(
                "'mirror' copies snapshots, and there are none without a journal; see 'durability'")
        }
        do { _ = try listFolder(FilePath(path)) } catch {
            // Models learn on without it, and try again with every snapshot.
            log.error("the mirror cannot be used", metadata: ["path": "\(path)", "error": "\(error)"])
        }
        let folder = SnapshotFolder(FilePath(path).appending(options.name))
        folder.removeUnfinished()
        return folder
    }

    /// Nil where there is no room for one.
    private func openTape() throws -> Tape? {
        guard options.tapeMebibytes > 0, let folder = options.stateFolder else { return nil }
        return try Tape(
            FilePath(folder).appending("tape"), byteCountMax: options.tapeMebibytes << 20, age: options.tapeAge,
            log: "sluice.server.\(options.name).tape")
    }

    /// The node's journal, read; nil where durability is none.
    private func openJournal(_ snapshots: SnapshotFolder?, _ log: Logger) throws -> NodeJournal? {
        guard try options.actualDurability() == .everyCommit, let folder = options.stateFolder else { return nil }
        let disk = try FileDisk(FilePath(folder).appending("journal"))
        let journal = try NodeJournal(disk) { history in
            guard let (footer, wrong) = snapshots?.newestFooter(history) else { return nil }
            for failure in wrong {
                log.error("a snapshot cannot be read; the one before is", metadata: ["error": "\(failure)"])
            }
            return footer?.header
        } broken: { failure in
            // Whoever waits is not answered; the disk says at the next start what was kept.
            log.critical("the journal's disk failed: the node ends", metadata: ["disk": "\(failure)"])
            endProcess(status: 74)
        }
        if let torn = journal.torn {
            log.warning(
                "the journal's last write was torn, as a crash leaves it; nothing in it was acknowledged",
                metadata: ["file": "\(torn.path)", "offset": "\(torn.offset)", "kept": "\(torn.keptAt)"])
        }
        log.info(
            "journal read",
            metadata: [
                "models": "\(journal.recovered.count)", "bytes": "\(journal.readByteCount)",
                "ms": "\(Int(journal.readMilliseconds))",
            ])
        return journal
    }
}
