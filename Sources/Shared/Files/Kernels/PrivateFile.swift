internal import Glibc
package import SystemPackage

/// Why a secret is not read from a file.
package enum PrivateFileFailure: Error {
    case unreadable(Errno)
    case notRegular
    /// The permissions it has, where 0600 is wanted.
    case mode(UInt32)
    case tooLarge(limit: Int)
}

/// Reads a secret that only its owner may read.
package func readPrivateFile(_ path: FilePath, byteCountMax: Int) throws(PrivateFileFailure) -> [UInt8] {
    let file: FileDescriptor
    do { file = try .open(path, .readOnly) } catch { throw .unreadable(error as? Errno ?? .ioError) }
    defer { try? file.close() }  // read only: nothing is lost
    // Asked of the open file, so that it cannot be another one when it is read.
    var status = stat()
    guard unsafe fstat(file.rawValue, &status) == 0 else { throw .unreadable(Errno(rawValue: errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
    guard status.st_mode & 0o777 == 0o600 else { throw .mode(status.st_mode & 0o777) }
    var bytes = [UInt8](repeating: 0, count: byteCountMax + 1)
    let got = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(file.rawValue, $0.baseAddress!, $0.count) }
    guard got >= 0 else { throw .unreadable(Errno(rawValue: errno)) }
    guard got <= byteCountMax else { throw .tooLarge(limit: byteCountMax) }
    return Array(bytes[..<got])
}
