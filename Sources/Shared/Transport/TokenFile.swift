internal import Domain
internal import Files
internal import SystemPackage

/// Reads a secret that only its owner may read.
enum TokenFile {
    /// - Throws: `TransportError.tokenFile` with a sentence that says what to change.
    static func read(_ path: String) throws(TransportError) -> [UInt8] {
        do throws(PrivateFileFailure) {
            return try readPrivateFile(FilePath(path), byteCountMax: Limits.HTTP.tokenByteCountMax)
        } catch {
            let reason =
                switch error {
                case .unreadable(let errno): "The token file cannot be read: \(errno)."
                case .notRegular: "The token file is not a regular file."
                case .mode(let mode): "The token file has mode 0\(String(mode, radix: 8)) and must have mode 0600."
                case .tooLarge(let limit): "The token file is larger than \(limit) bytes."
                }
            throw .tokenFile(path: path, reason: reason)
        }
    }
}
