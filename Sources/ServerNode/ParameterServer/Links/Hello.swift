internal import Domain
internal import Transport

/// What a node says of itself when it opens a link: who it is, which life of it, and what must be equal on both sides.
struct Hello: Sendable {
    var name: String
    /// Milliseconds since 1970 when the process began: another life, another number.
    var life: UInt64
    /// Of the cluster file.
    var topology: UInt64
    /// What the kernels compute (`kernelIdentity`).
    var kernels: UInt64
    /// Whether it keeps a journal.
    var journals: Bool

    var headers: [(String, String)] {
        [
            ("sluice-node", name), ("sluice-life", String(life)), ("sluice-topology", topology.hexDigits),
            ("sluice-kernels", kernels.hexDigits), ("sluice-journal", journals ? "yes" : "no"),
        ]
    }

    static func life(in headers: [(String, String)]) -> UInt64? {
        headers.first { $0.0 == "sluice-life" }.flatMap { UInt64($0.1) }
    }

    init(name: String, life: UInt64, topology: UInt64, kernels: UInt64, journals: Bool) {
        self.name = name
        self.life = life
        self.topology = topology
        self.kernels = kernels
        self.journals = journals
    }

    /// Of a request; nil when a field is missing.
    init?(_ exchange: Exchange) {
        guard let name = exchange.header("sluice-node"),
            let life = exchange.header("sluice-life").flatMap({ UInt64($0) }),
            let topology = exchange.header("sluice-topology").flatMap({ UInt64(hexDigits: $0) }),
            let kernels = exchange.header("sluice-kernels").flatMap({ UInt64(hexDigits: $0) })
        else { return nil }
        self.init(
            name: name, life: life, topology: topology, kernels: kernels,
            journals: exchange.header("sluice-journal") == "yes")
    }

    /// Whether the life began in the future by this node's clock. Known once, it would keep out all that follow.
    var isAhead: Bool { Self.isAhead(life) }

    static func isAhead(_ life: UInt64) -> Bool {
        life > millisecondsSince1970() + UInt64(Limits.Group.clockSkewMax.components.seconds) * 1000
    }

    /// Why this node does not work with `other`, or nil when it does.
    func objection(to other: Hello) -> String? {
        if other.topology != topology {
            return "the cluster files of \(name) and \(other.name) name other nodes or owners; give both the same file"
        }
        if other.kernels != kernels {
            return "the kernels of \(name) and \(other.name) compute other bits; run the same build on both"
        }
        if other.journals != journals {
            let (with, without) = journals ? (name, other.name) : (other.name, name)
            return "\(with) keeps a journal and \(without) does not; give both the same 'durability'"
        }
        return nil
    }
}
