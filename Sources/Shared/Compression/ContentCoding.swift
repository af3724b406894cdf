/// How bytes are packed; the names are HTTP's.
package enum ContentCoding: String, CaseIterable, Sendable {
    case gzip
    case zstd

    /// What a file's first bytes say; nil for one that is not packed in a way that is read.
    package init?(firstBytes bytes: some Sequence<UInt8>) {
        let first = Array(bytes.prefix(4))
        if first.starts(with: [0x1F, 0x8B]) {
            self = .gzip
        } else if first == [0x28, 0xB5, 0x2F, 0xFD] {
            self = .zstd
        } else {
            return nil
        }
    }
}

/// Why packed bytes cannot be read.
package enum CompressionError: Error, Equatable, CustomStringConvertible {
    /// They are not what they should be.
    case corrupt(ContentCoding)
    /// They end before what they hold does.
    case truncated(ContentCoding)
    /// Something else stands behind them.
    case trailing(ContentCoding)
    /// They want more memory to be read than is given.
    case windowTooLarge
    case outOfMemory

    package var description: String {
        switch self {
        case .corrupt(let coding): "the \(coding.rawValue) data are damaged, or no \(coding.rawValue) data"
        case .truncated(let coding): "the \(coding.rawValue) data end in the middle"
        case .trailing(let coding): "something that is no \(coding.rawValue) data stands behind them"
        case .windowTooLarge:
            "the zstd data want a window of more than \(Decompressor.windowByteCountMax >> 20) MiB; compress them "
                + "without --long or --ultra"
        case .outOfMemory: "memory is short"
        }
    }
}
