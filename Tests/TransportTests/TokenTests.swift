import NIOCore
import Testing
import Transport
import _NIOFileSystem

@Suite("A token comes from a file that only its owner may read")
struct TokenTests {
    private func withFile(_ text: String, mode: FilePermissions, _ body: (String) async throws -> Void) async throws {
        let files = FileSystem.shared
        try await files.withTemporaryDirectory { _, directory in
            let path = directory.appending("token")
            _ = try await files.withFileHandle(
                forWritingAt: path, options: .newFile(replaceExisting: false, permissions: mode)
            ) { file in
                try await file.write(contentsOf: ByteBuffer(string: text), toAbsoluteOffset: 0)
            }
            try await body(path.string)
        }
    }

    @Test("a token is read and white space around it dropped")
    func reading() async throws {
        try await withFile(" secret\n", mode: [.ownerReadWrite]) { path in
            let token = try await ClusterToken(readingFile: path)
            try await withServer([echo(.post, "/p", access: .cluster)], token: ClusterToken("secret")) { listener in
                let client = try await connect(listener, token: token)
                #expect(try await client.request(.post, "/p", timeout: .seconds(20)).status == 200)
            }
        }
    }

    @Test("others may not read it, and it may not be empty or missing")
    func refusals() async throws {
        try await withFile("secret", mode: [.ownerReadWrite, .groupRead]) { path in
            await #expect(
                throws: TransportError.tokenFile(
                    path: path, reason: "The token file has mode 0640 and must have mode 0600.")
            ) { try await ClusterToken(readingFile: path) }
        }
        try await withFile(" \n", mode: [.ownerReadWrite]) { path in
            await #expect(throws: TransportError.tokenFile(path: path, reason: "The token file is empty.")) {
                try await ClusterToken(readingFile: path)
            }
        }
        await #expect(throws: TransportError.self) { try await ClusterToken(readingFile: "/nowhere/token") }
    }
}
