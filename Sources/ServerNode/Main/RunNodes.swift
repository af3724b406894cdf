internal import Configuration
internal import Files
internal import ParameterServer
internal import PredictionWorker
internal import Transport

/// Runs a server node, and where it is asked for a worker inside the process that follows it without a socket, until the process is
/// told to end. When one of them cannot run the other ends, too.
func runNodes(_ options: ServerOptions) async throws {
    let (servers, started) = AsyncStream.makeStream(of: LocalRoutes.self)
    // Each node ends when its stream does.
    let (serverStops, stopServer) = AsyncStream.makeStream(of: Never.self)
    let (workerStops, stopWorker) = AsyncStream.makeStream(of: Never.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await TerminationSignal.wait() }
        group.addTask {
            defer { started.finish() }
            try await ServerNode(options).run { port, peerPort in
                let http = Address(host: options.listen.host, port: port)
                let peer = Address(host: options.peerListen.host, port: peerPort)
                tellStandardOutput("listening http=\(http) peer=\(peer)")
            } local: {
                started.yield($0)
            } stop: {
                for await _ in serverStops {}
            }
        }
        if let address = options.serve {
            for await server in servers {
                group.addTask {
                    var worker = WorkerOptions()
                    worker.name = "\(options.name)-worker"
                    worker.listen = address
                    worker.loopCount = options.loopCount
                    try await WorkerNode(worker, local: server).run { port in
                        tellStandardOutput("serving http=\(Address(host: address.host, port: port))")
                    } stop: {
                        for await _ in workerStops {}
                    }
                }
                break
            }
        }
        // The signal, or a node that cannot run: both drain, the one that answers clients first told.
        let first = await group.nextResult()
        stopWorker.finish()
        stopServer.finish()
        if case .failure = first { group.cancelAll() }
        try first?.get()
        try await group.waitForAll()
    }
}
