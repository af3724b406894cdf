internal import Domain
internal import NIOCore
internal import _NIOFileSystem

/// Reads a secret that only its owner may read.
enum TokenFile {
    /// - Throws: `TransportError.tokenFile` with a sentence that says what to change.
    static func read(_ path: String) async throws(TransportError) -> [UInt8] {
        let content: ByteBuffer
        do {
            content = try await FileSystem.shared.withFileHandle(forReadingAt: FilePath(path)) { file in
                // Asked of the open file, so that it cannot be another one when it is read.
                let status = try await file.info()
                guard status.type == .regular else {
                    throw TransportError.tokenFile(path: path, reason: "The token file is not a regular file.")
                }
                guard status.permissions.rawValue & 0o777 == 0o600 else {
                    let mode = String(status.permissions.rawValue & 0o777, radix: 8)
                    throw TransportError.tokenFile(
                        path: path, reason: "The token file has mode 0\(mode) and must have mode 0600.")
                }
                return try await file.readToEnd(maximumSizeAllowed: .bytes(Int64(Limits.HTTP.tokenByteCountMax)))
            }
        } catch let error as TransportError {
            throw error
        } catch {
            throw .tokenFile(path: path, reason: "The token file cannot be read: \(error).")
        }
        return Array(content.readableBytesView)
    }
}
