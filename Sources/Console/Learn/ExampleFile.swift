internal import Compression
internal import Features
internal import SystemPackage

/// A file of examples, or standard input (`-`), while it is read; unpacked where its first bytes say that it is packed.
///
/// Safe because one task at a time reads it.
final class ExampleFile: @unchecked Sendable {
    let path: String
    private let descriptor: FileDescriptor
    /// Read, and not handed over: what showed how the file is packed, then what is not unpacked.
    private var held = ByteWindow()
    /// The first byte of `held` that is not unpacked.
    private var place = 0
    private var decompressor: Decompressor?

    private static let readByteCount = 64 << 10

    init(_ path: String) throws {
        self.path = path
        descriptor = try openForReading(path)
        // More than one read only where a pipe's writer is slow.
        while held.byteCount < 4 {
            if try held.read(Self.readByteCount, fromFile: descriptor.rawValue, named: path) == 0 { break }
        }
        if let coding = ContentCoding(firstBytes: held.bytes[..<held.byteCount]) {
            decompressor = try Decompressor(coding)
        }
    }

    deinit { try? descriptor.close() }  // read only: nothing is lost

    /// Reads about that many bytes behind a window's text.
    ///
    /// - Returns: how many, 0 at the end of the file.
    func read(_ count: Int, into window: inout ByteWindow) throws -> Int {
        if decompressor != nil { return try unpack(into: &window) }
        guard held.byteCount > 0 else {
            return try window.read(count, fromFile: descriptor.rawValue, named: path)
        }
        let byteCount = held.byteCount
        window.append(held.bytes[..<byteCount])
        held.removeAll()
        return byteCount
    }

    private func unpack(into window: inout ByteWindow) throws -> Int {
        let before = window.byteCount
        while true {
            let hasMore = try told { () throws(CompressionError) in
                try decompressor?.decode(held.bytes, first: held.byteCount, from: &place) { window.append($0) }
            }
            if hasMore != true {
                held.removeAll()
                place = 0
            }
            if window.byteCount > before { return window.byteCount - before }
            guard hasMore != true else { continue }
            if try held.read(Self.readByteCount, fromFile: descriptor.rawValue, named: path) == 0 {
                try told { () throws(CompressionError) in try decompressor?.finish() }
                return 0
            }
        }
    }

    /// Says in which file it is that packed bytes cannot be read.
    private func told<T>(_ body: () throws(CompressionError) -> T) throws -> T {
        do throws(CompressionError) { return try body() } catch {
            throw CommandFailure("\(path): \(error)", isFinal: true)
        }
    }
}
