package import SystemPackage

/// Makes a folder and those it is in.
package func makeFolders(_ path: FilePath) throws(Errno) {
    var made = FilePath(root: path.root)
    for component in path.components {
        made.append(component)
        try makeFolder(made)
    }
}

/// A file as text.
package func readText(_ path: FilePath) throws(FileFailure) -> String {
    do { return String(decoding: try readFile(path), as: UTF8.self) } catch {
        throw FileFailure(path: path, reason: error as? Errno ?? .ioError)
    }
}

/// A file that cannot be used, and why.
package struct FileFailure: Error, CustomStringConvertible {
    package var path: FilePath
    package var reason: Errno
    package init(path: FilePath, reason: Errno) { (self.path, self.reason) = (path, reason) }
    package var description: String { "\(path): \(reason)" }
}

/// Writes a file, whole or not at all: it takes the old one's place at the end.
package func writeWhole(to path: FilePath, _ body: (FileDescriptor) throws -> Void) throws {
    let unfinished = FilePath(path.string + ".unfinished")
    let file = try FileDescriptor.open(
        unfinished, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead])
    do {
        try file.closeAfter {
            try body(file)
            try sync(file)
        }
    } catch {
        try? removeFile(unfinished)  // it is of no use; the first error is told
        throw error
    }
    try rename(unfinished, to: path)
}

/// As above, of text.
package func writeText(_ text: String, to path: FilePath) throws {
    try writeWhole(to: path) { _ = try $0.writeAll(text.utf8) }
}
