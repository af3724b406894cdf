internal import Domain

/// An address as people write it: host:port.
package struct Address: Equatable, Sendable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `127.0.0.1:9000` or `[::1]:9000`.
    package init(_ text: String, of place: String) throws(ConfigurationError) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            colon > text.startIndex
        else { throw .init("\(place) is '\(text)', but must be HOST:PORT, such as 127.0.0.1:9000") }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        self.init(host: String(host), port: Int(port))
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// When a trainer is told that its batch was learned.
package enum Durability: String, Sendable, CaseIterable {
    /// When it is on the disks of all owners: nothing acknowledged is lost as long as they survive.
    case everyCommit = "every-commit"
    /// When it is learned: what is in memory is lost with the process.
    case none

    package init(_ text: String, of place: String) throws(ConfigurationError) {
        guard let known = Durability(rawValue: text) else {
            throw .init("\(place) is '\(text)', but must be 'every-commit' or 'none'")
        }
        self = known
    }
}

/// How a server node runs. Flags over file over these defaults.
package struct ServerOptions: Sendable {
    package var name = "server-0"
    package var listen = Address(host: "127.0.0.1", port: 9000)
    package var peerListen = Address(host: "127.0.0.1", port: 9100)
    /// Where other server nodes send what rounds exchange; only used with a cluster file.
    package var controlListen = Address(host: "127.0.0.1", port: 9200)
    /// Where the cluster's nodes and owners are written; nil for a node alone.
    package var clusterFile: String?
    /// What it says.
    package var topology: ClusterTopology?
    package var publishInterval: Duration = .milliseconds(100)
    package var tokenFile: String?
    /// Where models outlive the process; nil keeps nothing.
    package var stateFolder: String?
    /// Nil stands for `everyCommit` with a state folder, for `none` without.
    package var durability: Durability?
    package var snapshotInterval = Limits.Snapshot.intervalDefault
    /// Room for the tape, in the state folder; 0 keeps none. What is older than `tapeAge` goes, too.
    package var tapeMebibytes = 0
    package var tapeAge = Limits.Tape.ageDefault
    /// Where each snapshot is copied, best on another disk; nil copies none.
    package var mirror: String?
    /// Where a worker inside this process answers clients; nil runs none.
    package var serve: Address?
    /// Threads that answer connections; by default one for each core the process may run on.
    package var loopCount = availableCoreCount()

    package init() {}

    /// - Parameter place: the file, for errors.
    package init(yaml: String, of place: String) throws(ConfigurationError) {
        var fields = try Fields(yaml: yaml, of: place)
        try read(&fields)
        try fields.refuseRest()
    }

    package mutating func read(_ fields: inout Fields) throws(ConfigurationError) {
        if let name = try fields.text("name") { self.name = name }
        if let text = try fields.text("listen") { listen = try Address(text, of: "'listen'") }
        if let text = try fields.text("serve") { serve = try Address(text, of: "'serve'") }
        if let path = try fields.text("mirror") { mirror = path }
        if let count = try fields.integer("tape_mebibytes", in: Limits.Tape.mebibytes) { tapeMebibytes = count }
        if let age = try fields.duration("tape_age", in: Limits.Tape.age) { tapeAge = age }
        if let text = try fields.text("peer_listen") { peerListen = try Address(text, of: "'peer_listen'") }
        if let text = try fields.text("control_listen") { controlListen = try Address(text, of: "'control_listen'") }
        if let interval = try fields.duration("publish_every", in: Limits.Feed.publishInterval) {
            publishInterval = interval
        }
        if let path = try fields.text("token_file") { tokenFile = path }
        if let path = try fields.text("state_folder") { stateFolder = path }
        if let interval = try fields.duration("snapshot_every", in: Limits.Snapshot.interval) {
            snapshotInterval = interval
        }
        if let text = try fields.text("durability") { durability = try Durability(text, of: "'durability'") }
        if let path = try fields.text("cluster") { clusterFile = path }
        if let count = try fields.integer("event_loops", in: 1...64) { loopCount = count }
    }
}

extension ServerOptions {
    /// What holds: a journal needs a folder.
    package func actualDurability() throws(ConfigurationError) -> Durability {
        guard let durability else { return stateFolder == nil ? .none : .everyCommit }
        guard durability == .none || stateFolder != nil else {
            throw .init("durability '\(durability.rawValue)' needs a state folder; name one with 'state_folder'")
        }
        return durability
    }

    /// Takes this node's addresses from the cluster's file.
    package mutating func join(_ topology: ClusterTopology, of place: String) throws(ConfigurationError) {
        guard let own = topology.place(of: name) else {
            throw .init("\(place): 'servers' does not name '\(name)', which is this node's name")
        }
        self.topology = topology
        (listen, peerListen, controlListen) = (
            topology.nodes[own].listen, topology.nodes[own].peerListen, topology.nodes[own].controlListen
        )
    }
}

/// How a worker node runs. Flags over file over these defaults.
package struct WorkerOptions: Sendable {
    package var name = "worker-0"
    package var listen = Address(host: "127.0.0.1", port: 8000)
    /// The peer listeners of the server group; empty serves saved models only.
    package var servers: [Address] = []
    /// Saved models by name.
    package var modelFolders: [String: String] = [:]
    /// A folder of saved models, each in a folder of its name.
    package var modelsFolder: String?
    package var tokenFile: String?
    /// Threads that answer connections; by default one for each core the process may run on.
    package var loopCount = availableCoreCount()

    package init() {}

    /// - Parameter place: the file, for errors.
    package init(yaml: String, of place: String) throws(ConfigurationError) {
        var fields = try Fields(yaml: yaml, of: place)
        try read(&fields)
        try fields.refuseRest()
    }

    package mutating func read(_ fields: inout Fields) throws(ConfigurationError) {
        if let name = try fields.text("name") { self.name = name }
        if let text = try fields.text("listen") { listen = try Address(text, of: "'listen'") }
        if let texts = try fields.texts("servers") {
            var addresses: [Address] = []
            for text in texts { addresses.append(try Address(text, of: "'servers'")) }
            servers = addresses
        }
        if let folders = try fields.textsByKey("model_folders") { modelFolders = folders }
        if let path = try fields.text("models") { modelsFolder = path }
        if let path = try fields.text("token_file") { tokenFile = path }
        if let count = try fields.integer("event_loops", in: 1...64) { loopCount = count }
    }
}
