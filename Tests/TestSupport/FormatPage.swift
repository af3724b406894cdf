// Only to read a file of the repository; no product imports Foundation.
internal import FoundationEssentials

/// `docs/FORMAT.md` as it stands in the repository.
package struct FormatPage: Sendable {
    package struct Missing: Error { var what: String }

    package let text: String

    package init() throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        text = try String(contentsOfFile: "/\(root)/docs/FORMAT.md", encoding: .utf8)
    }

    /// The bytes of the block that begins with "```hex name".
    package func bytes(of name: String) throws(Missing) -> [UInt8] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(of: "```hex \(name)") else {
            throw Missing(what: "the page has no example \(name)")
        }
        var bytes: [UInt8] = []
        for digits in lines[(start + 1)...].prefix(while: { $0 != "```" }).flatMap({ $0.split(separator: " ") }) {
            guard let byte = UInt8(digits, radix: 16) else { throw Missing(what: "\(name): '\(digits)' is no byte") }
            bytes.append(byte)
        }
        return bytes
    }
}
