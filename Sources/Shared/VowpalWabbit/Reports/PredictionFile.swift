internal import SystemPackage

/// Predictions as they are made: one a line, with the example's tag.
package struct PredictionFile: ~Copyable {
    private let path: String
    private let file: FileDescriptor
    private var bytes: [UInt8] = []
    /// Bytes that wait to be written, about.
    private static let waitingByteCount = 64 << 10

    /// - Parameter path: `stdout` and `/dev/stdout` are standard output.
    package init(path: String) throws(VWError) {
        self.path = path
        file = path == "stdout" || path == "/dev/stdout" ? .standardOutput : try openForWriting(path)
    }

    mutating func append(_ prediction: Float, tag: ArraySlice<UInt8>) {
        bytes.append(prediction: prediction)
        if !tag.isEmpty {
            bytes.append(UInt8(ascii: " "))
            bytes += tag
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    mutating func flush(whenAbove byteCount: Int = waitingByteCount) throws(VWError) {
        guard bytes.count > byteCount else { return }
        try write(bytes, to: file, path)
        bytes.removeAll(keepingCapacity: true)
    }

    deinit { try? file.close() }  // what was written has been checked
}
