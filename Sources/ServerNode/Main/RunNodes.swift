internal import Configuration
internal import Files
internal import ParameterServer
internal import PredictionWorker
internal import Transport

/// Runs a server node, and where it is asked for a worker inside the process that follows it without a socket, until the process is
/// told to end. When one of them cannot run the other ends, too.
func runNodes(_ options: ServerOptions) async throws {
    let (servers, started) = AsyncStream.makeStream(of: LocalRoutes.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { started.finish() }
            try await ServerNode(options).run { port, peerPort in
                let http = Address(host: options.listen.host, port: port)
                let peer = Address(host: options.peerListen.host, port: peerPort)
                tellStandardOutput("listening http=\(http) peer=\(peer)")
            } local: {
                started.yield($0)
            } stop: {
                await TerminationSignal.wait()
            }
        }
        if let address = options.serve {
            for await server in servers {
                group.addTask { try await runWorker(options, at: address, following: server) }
                break
            }
        }
        // The first to end, or to fail, ends the other: both drain.
        defer { group.cancelAll() }
        try await group.next()
    }
}

private func runWorker(_ options: ServerOptions, at address: Address, following server: LocalRoutes) async throws {
    var worker = WorkerOptions()
    worker.name = "\(options.name)-worker"
    worker.listen = address
    worker.loopCount = options.loopCount
    try await WorkerNode(worker, local: server).run { port in
        tellStandardOutput("serving http=\(Address(host: address.host, port: port))")
    } stop: {
        await TerminationSignal.wait()
    }
}
