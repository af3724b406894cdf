import Files
import SystemPackage
import Testing
import Transport

@Suite("A token comes from a file that only its owner may read")
struct TokenTests {
    private func withFile(_ text: String, mode: FilePermissions, _ body: (String) async throws -> Void) async throws {
        let path = FilePath("/tmp/sluice-token-\(UInt64.random(in: .min ... .max))")
        let file = try FileDescriptor.open(path, .writeOnly, options: [.create, .exclusiveCreate], permissions: mode)
        defer { try? removeFile(path) }
        try file.closeAfter { _ = try file.writeAll(text.utf8) }
        try await body(path.string)
    }

    @Test("a token is read and white space around it dropped")
    func reading() async throws {
        try await withFile(" secret\n", mode: [.ownerReadWrite]) { path in
            let token = try ClusterToken(readingFile: path)
            try await withServer([echo(.post, "/p", access: .cluster)], token: ClusterToken("secret")) { listener in
                let client = try await connect(listener, token: token)
                #expect(try await client.request(.post, "/p", timeout: .seconds(20)).status == 200)
            }
        }
    }

    @Test("others may not read it, and it may not be empty or missing")
    func refusals() async throws {
        try await withFile("secret", mode: [.ownerReadWrite, .groupRead]) { path in
            #expect(
                throws: TransportError.tokenFile(
                    path: path, reason: "The token file has mode 0640 and must have mode 0600.")
            ) { try ClusterToken(readingFile: path) }
        }
        try await withFile(" \n", mode: [.ownerReadWrite]) { path in
            #expect(throws: TransportError.tokenFile(path: path, reason: "The token file is empty.")) {
                try ClusterToken(readingFile: path)
            }
        }
        #expect(throws: TransportError.self) { try ClusterToken(readingFile: "/nowhere/token") }
    }
}
