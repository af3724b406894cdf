import Files
import SystemPackage
import VowpalWabbit

/// A folder of a test's own, with runs of `sluice vw` in it.
final class Folder {
    let path: FilePath
    private(set) var told = ""
    private(set) var said = ""

    init() throws {
        path = FilePath("/tmp/sluice-vw-tests-\(UInt64.random(in: 0 ... .max))")
        try makeFolders(path)
    }

    deinit {
        for name in (try? listFolder(path)) ?? [] { try? removeFile(path.appending(name)) }
        try? removeFolder(path)
    }

    func name(_ file: String) -> String { path.appending(file).string }

    func write(_ text: String, to file: String) throws { try writeText(text, to: path.appending(file)) }

    func write(_ bytes: [UInt8], to file: String) throws {
        try writeWhole(to: path.appending(file)) { _ = try $0.writeAll(bytes) }
    }

    func bytes(_ file: String) throws -> [UInt8] { try readFile(path.appending(file)) }

    /// Runs with options in which `@` stands for this folder.
    func run(_ options: String) async throws {
        (told, said) = ("", "")
        let arguments = options.split(separator: " ").map { String($0).replacing("@", with: path.string + "/") }
        let run = try VWRun(arguments, tell: { self.told += $0 }, say: { self.said += $0 })
        try await run.run()
    }

    /// The first word of each line of a predictions file.
    func predictions(_ file: String) throws -> [Float] {
        try readText(path.appending(file)).split(separator: "\n").map { line in
            try Number(line.prefix { $0 != " " }).value
        }
    }

    private struct Number {
        struct NotOne: Error {}
        var value: Float
        init(_ text: Substring) throws {
            guard let value = Float(text) else { throw NotOne() }
            self.value = value
        }
    }
}

extension String {
    func replacing(_ part: String, with other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}
