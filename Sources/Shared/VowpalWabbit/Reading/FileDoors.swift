internal import Files
internal import SystemPackage

// Files with errors that say which.

func openForReading(_ path: String) throws(VWError) -> FileDescriptor {
    do { return try .open(FilePath(path), .readOnly) } catch { throw .system(path: path, error as? Errno ?? .ioError) }
}

func openForWriting(_ path: String) throws(VWError) -> FileDescriptor {
    do {
        return try .open(
            FilePath(path), .writeOnly, options: [.create, .truncate],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch { throw .system(path: path, error as? Errno ?? .ioError) }
}

/// Bytes of a file from a place on; fewer where it ends before.
func read(_ file: FileDescriptor, _ range: Range<Int>, _ path: String) throws(VWError) -> [UInt8] {
    do { return try readBytes(file, range) } catch { throw .system(path: path, error as? Errno ?? .ioError) }
}

func write(_ bytes: [UInt8], to file: FileDescriptor, _ path: String) throws(VWError) {
    do { _ = try file.writeAll(bytes) } catch { throw .system(path: path, error as? Errno ?? .ioError) }
}

/// Writes a file, whole or not at all.
func writeFile(_ bytes: [UInt8], to path: String) throws(VWError) {
    do {
        let path = FilePath(path)
        // A pipe or a device cannot be replaced.
        guard (try? FileMark(of: path)) == nil || isRegular(path) else {
            let file = try FileDescriptor.open(path, .writeOnly)
            try file.closeAfter { _ = try file.writeAll(bytes) }
            return
        }
        try writeWhole(to: path) { _ = try $0.writeAll(bytes) }
    } catch { throw .system(path: path, error as? Errno ?? .ioError) }
}

/// Whether what has that name can be sought in, as files can.
private func isRegular(_ path: FilePath) -> Bool {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .nonBlocking) else { return true }
    defer { try? file.close() }  // read only: nothing is lost
    return (try? file.seek(offset: 0, from: .end)) != nil && !path.string.hasPrefix("/dev/")
}
