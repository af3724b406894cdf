internal import Glibc
package import SystemPackage

// What swift-system has no call for.

/// Makes one folder, whose name is then on the disk; an existing one is fine.
package func makeFolder(_ path: FilePath) throws(Errno) {
    if unsafe path.withPlatformString({ unsafe mkdir($0, 0o755) }) == 0 {
        let parent = path.removingLastComponent()
        return try syncFolder(parent.isEmpty ? "." : parent)
    }
    guard errno == EEXIST else { throw Errno(rawValue: errno) }
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

/// Removes an empty folder.
package func removeFolder(_ path: FilePath) throws(Errno) {
    guard unsafe path.withPlatformString({ unsafe rmdir($0) }) == 0 else { throw Errno(rawValue: errno) }
}

/// Waits until the file's bytes are on the disk.
package func sync(_ file: FileDescriptor) throws(Errno) {
    while fsync(file.rawValue) != 0 {
        guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
}

/// Tells one content of a file from another without reading it: a file that took its place, or was written to, has another.
package struct FileMark: Equatable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    private let byteCount: Int64
    private let seconds: Int
    private let nanoseconds: Int

    package init(of path: FilePath) throws(Errno) {
        var found = stat()
        guard unsafe path.withPlatformString({ unsafe stat($0, &found) }) == 0 else { throw Errno(rawValue: errno) }
        (device, inode, byteCount) = (UInt64(found.st_dev), UInt64(found.st_ino), Int64(found.st_size))
        (seconds, nanoseconds) = (found.st_mtim.tv_sec, found.st_mtim.tv_nsec)
    }
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
    // A file of the system's own may say that it has none.
    let byteCount = max(Int(try file.seek(offset: 0, from: .end)), 1 << 12)
    while true {
        let more = try readBytes(file, bytes.count..<max(byteCount, bytes.count + (1 << 16)))
        if more.isEmpty { return bytes }
        if bytes.isEmpty { bytes = more } else { bytes.append(contentsOf: more) }
    }
}

/// Bytes of a file from a place on; fewer where it ends before.
package func readBytes(_ file: FileDescriptor, _ range: Range<Int>) throws -> [UInt8] {
    try unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
        while count < range.count {
            let got = try unsafe file.read(
                fromAbsoluteOffset: Int64(range.lowerBound + count),
                into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[count...])))
            if got == 0 { break }
            count += got
        }
    }
}

/// As above, into memory that serves again: its pages need not be cleared.
package func readBytes(_ file: FileDescriptor, _ range: Range<Int>, into bytes: inout [UInt8]) throws {
    if bytes.count < range.count { bytes = [UInt8](repeating: 0, count: range.count) }
    let count = try unsafe bytes.withUnsafeMutableBytes { buffer in
        var count = 0
        while count < range.count {
            let got = try unsafe file.read(
                fromAbsoluteOffset: Int64(range.lowerBound + count),
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[count..<range.count]))
            if got == 0 { break }
            count += got
        }
        return count
    }
    bytes.removeLast(bytes.count - count)
}

/// Waits until the file's bytes, and what is needed to read them, are on the disk.
package func syncData(_ file: FileDescriptor) throws(Errno) {
    while fdatasync(file.rawValue) != 0 {
        guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
}

/// Waits until the names in a folder are on the disk.
package func syncFolder(_ path: FilePath) throws(Errno) {
    let folder = unsafe path.withPlatformString { unsafe Glibc.open($0, O_RDONLY | O_DIRECTORY) }
    guard folder >= 0 else { throw Errno(rawValue: errno) }
    defer { _ = Glibc.close(folder) }
    while fsync(folder) != 0 {
        guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
}

/// Gives a file that many bytes on the disk, so that writing them needs no room any more.
package func allocate(_ file: FileDescriptor, byteCount: Int) throws(Errno) {
    while true {
        let error = posix_fallocate(file.rawValue, 0, off_t(byteCount))
        if error == 0 { return }
        guard error == EINTR else { throw Errno(rawValue: error) }
    }
}

package func pauseThread(milliseconds: UInt32) { usleep(1000 * milliseconds) }

/// Ends the process now: nothing more is written or answered.
package func endProcess(status: Int32) -> Never { _exit(status) }

/// Keeps a file to this process as long as it is open.
///
/// - Returns: nil when another process has it.
package func lockFile(_ path: FilePath) throws(Errno) -> FileDescriptor? {
    let file: FileDescriptor
    do { file = try .open(path, .writeOnly, options: [.create], permissions: [.ownerReadWrite]) } catch {
        throw error as? Errno ?? .ioError
    }
    if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { return file }
    let reason = Errno(rawValue: errno)
    try? file.close()  // nothing was written
    guard reason == .wouldBlock else { throw reason }
    return nil
}
