internal import Glibc
package import SystemPackage

// What swift-system has no call for.

/// Makes one folder; an existing one is fine.
package func makeFolder(_ path: FilePath) throws(Errno) {
    guard unsafe path.withPlatformString({ unsafe mkdir($0, 0o755) }) == 0 || errno == EEXIST else {
        throw Errno(rawValue: errno)
    }
}

package func rename(_ path: FilePath, to other: FilePath) throws(Errno) {
    let result = unsafe path.withPlatformString { from in
        unsafe other.withPlatformString { to in unsafe Glibc.rename(from, to) }
    }
    guard result == 0 else { throw Errno(rawValue: errno) }
}

/// Removes a file; a missing one is fine.
package func removeFile(_ path: FilePath) throws(Errno) {
    guard unsafe path.withPlatformString({ unsafe unlink($0) }) == 0 || errno == ENOENT else {
        throw Errno(rawValue: errno)
    }
}

/// Waits until the file's bytes are on the disk.
package func sync(_ file: FileDescriptor) throws(Errno) {
    guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
}

/// The names in a folder, sorted.
package func listFolder(_ path: FilePath) throws(Errno) -> [String] {
    guard let folder = unsafe path.withPlatformString({ unsafe opendir($0) }) else { throw Errno(rawValue: errno) }
    defer { unsafe _ = closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
            unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// All bytes of a file.
package func readFile(_ path: FilePath) throws -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly)
    defer { try? file.close() }  // read only: nothing is lost
    var bytes: [UInt8] = []
    var got = 1
    while got > 0 {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: 1 << 16))
        got = try unsafe bytes.withUnsafeMutableBytes {
            unsafe try file.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
        }
        bytes.removeLast((1 << 16) - got)
    }
    return bytes
}
