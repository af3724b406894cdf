internal import Configuration

/// A local cluster as a file: its nodes, the demo model, the demo's traffic.
struct ClusterFile {
    var topology: ClusterTopology
    var servers: [ServerOptions] = []
    var workers: [WorkerOptions] = []
    var model = "demo"
    var spec = ""
    var examplesPerSecond = 20_000
    var drift = 2_000_000

    init(yaml: String) throws(ConfigurationError) {
        topology = try ClusterTopology(yaml: yaml, of: "the cluster file")
        var fields = try Fields(yaml: yaml, of: "the cluster file")
        for var node in try fields.list("servers") {
            var server = ServerOptions()
            try server.read(&node)
            try node.refuseRest()
            guard server.tokenFile == nil, server.stateFolder == nil else {
                throw .init("the cluster file: 'token_file' and 'state_folder' are not for a local cluster")
            }
            servers.append(server)
        }
        _ = try fields.textListsByKey("owners")
        for var node in try fields.list("workers") {
            var worker = WorkerOptions()
            try worker.read(&node)
            try node.refuseRest()
            workers.append(worker)
        }
        if var demo = try fields.fields("demo") {
            if let name = try demo.text("model") { model = name }
            if let text = try demo.text("spec") { spec = text }
            if let rate = try demo.integer("examples_per_second", in: 1...10_000_000) { examplesPerSecond = rate }
            if let examples = try demo.integer("drift_examples", in: 1...1_000_000_000) { drift = examples }
            try demo.refuseRest()
        }
        try fields.refuseRest()
        guard !workers.isEmpty else { throw .init("the cluster file: 'workers' names none") }
    }
}
