internal import Glibc
internal import SystemPackage

/// What swift-system has no call for.
func makeDirectory(_ path: FilePath) throws(Errno) {
    guard unsafe path.withPlatformString({ unsafe mkdir($0, 0o755) }) == 0 else { throw Errno(rawValue: errno) }
}

extension FilePath {
    func rename(to other: FilePath) throws(Errno) {
        let result = unsafe withPlatformString { from in
            unsafe other.withPlatformString { to in unsafe Glibc.rename(from, to) }
        }
        guard result == 0 else { throw Errno(rawValue: errno) }
    }
}

extension FileDescriptor {
    func sync() throws(Errno) {
        guard fsync(rawValue) == 0 else { throw Errno(rawValue: errno) }
    }
}
