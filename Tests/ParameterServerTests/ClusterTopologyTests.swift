internal import Configuration
internal import Testing

@Suite("A cluster file names nodes and owners, or says what is wrong with it")
struct ClusterTopologyTests {
    private static let servers = """
        servers:
          - {name: a, listen: 127.0.0.1:9000, peer_listen: 127.0.0.1:9100, control_listen: 127.0.0.1:9200}
          - {name: b, listen: 127.0.0.1:9001, peer_listen: 127.0.0.1:9101, control_listen: 127.0.0.1:9201}
          - {name: c, listen: 127.0.0.1:9002}

        """

    private func read(_ rest: String, _ servers: String = servers) throws -> ClusterTopology {
        try ClusterTopology(yaml: servers + rest, of: "the file")
    }

    @Test("nodes have places in the file's order; owners are places")
    func places() throws {
        let topology = try read("owners:\n  clicks: [c, a]\nworkers: []\ndemo: {}\n")
        #expect(topology.nodes.map(\.name) == ["a", "b", "c"])
        #expect(topology.owners(of: "clicks") == [2, 0])
        #expect(topology.place(of: "b") == 1 && topology.place(of: "d") == nil)
        #expect(topology.nodes[1].controlListen == Address(host: "127.0.0.1", port: 9201))
    }

    @Test("a model that is not named has one owner, the same on every node, and models spread")
    func unnamed() throws {
        let topology = try read("")
        var counts = [0, 0, 0]
        for k in 0..<300 {
            let owners = topology.owners(of: "model-\(k)")
            let again = try read("").owners(of: "model-\(k)")
            #expect(owners.count == 1 && owners == again)
            counts[owners[0]] += 1
        }
        #expect(counts.allSatisfy { $0 > 60 }, "\(counts)")
    }

    @Test("files that mean the same have one fingerprint, also with other addresses; others have others")
    func fingerprints() throws {
        let topology = try read("owners: {m: [a, b]}\n")
        let elsewhere = try read("owners: {m: [a, b]}\n", Self.servers.replacing("127.0.0.1", with: "10.0.0.7"))
        #expect(topology.fingerprint == elsewhere.fingerprint)
        for rest in ["owners: {m: [b, a]}\n", "owners: {m: [a]}\n", "owners: {n: [a, b]}\n", ""] {
            #expect(try read(rest).fingerprint != topology.fingerprint)
        }
    }

    @Test(
        "what is wrong is named",
        arguments: [
            ("owners: {m: [a, b, c]}\n", "3 owners"), ("owners: {m: []}\n", "0 owners"),
            ("owners: {m: [a, d]}\n", "'d'"), ("owners: {m: [a, a]}\n", "twice"), ("owners: [m]\n", "owners"),
            ("owners: {m: a}\n", "list"),
        ])
    func wrong(rest: String, says: String) {
        #expect { try read(rest) } throws: { "\($0)".contains(says) && "\($0)".contains("the file") }
    }

    @Test("a file without servers, or with two of one name, is refused; so is a node that it does not name")
    func wrongNodes() throws {
        #expect { try read("", "owners: {}\n") } throws: { "\($0)".contains("0 nodes") }
        #expect { try read("", "servers: [{name: a}, {name: a}]\n") } throws: { "\($0)".contains("'a'") }
        var options = ServerOptions()
        options.name = "z"
        #expect { try options.join(read(""), of: "the file") } throws: { "\($0)".contains("'z'") }
    }
}
