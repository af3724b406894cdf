package import Configuration
package import Domain
internal import Features
internal import Files
package import Format
package import SystemPackage

/// A model at one version, ready to score.
package struct ServableModel: Sendable {
    package var spec: ModelSpec
    package var history: History
    package var version: Version
    /// Milliseconds since 1970 up to which all acknowledged examples are in.
    package var watermarkMilliseconds: UInt64
    package var table: WeightTable

    package init(
        spec: ModelSpec, history: History, version: Version, watermarkMilliseconds: UInt64, table: WeightTable
    ) {
        self.spec = spec
        self.history = history
        self.version = version
        self.watermarkMilliseconds = watermarkMilliseconds
        self.table = table
    }

    /// Saves it.
    package func save(to folder: FilePath) throws(ModelFileError) {
        let stream = CopyStream(
            spec: spec, history: history, version: version, watermarkMilliseconds: watermarkMilliseconds)
        try saveModel(stream, to: folder) { range, weights in
            table.withWeights(range) { for k in $0.indices { weights[k] = $0[k] } }
        }
    }

    /// The digest of all weights.
    package var digest: WeightDigest {
        table.withWeights(0..<table.indexCount) { Format.digest(weights: $0, firstIndex: 0) }
    }
}

/// Why a saved model cannot be read or written.
package enum ModelFileError: Error, CustomStringConvertible {
    case system(path: String, Errno)
    case format(path: String, offset: UInt64, FormatError)
    case spec(path: String, ConfigurationError)
    case incomplete(path: String, what: String)

    package var description: String {
        switch self {
        case .system(let path, let errno): "\(path): \(errno)"
        case .format(let path, let offset, let error): "\(path), byte \(offset): \(error)"
        case .spec(let path, let error): "\(path): \(error)"
        case .incomplete(let path, let what): "\(path): \(what); save the model again"
        }
    }
}

/// A saved model: a folder with one file, `model.sluice`, which is a copy stream (docs/FORMAT.md).
package enum ModelFile {
    package static let name = "model.sluice"

    /// Loads a saved model.
    package static func read(from folder: FilePath) throws(ModelFileError) -> ServableModel {
        let path = folder.appending(name)
        let file: FileDescriptor
        do { file = try .open(path, .readOnly) } catch {
            throw .system(path: path.string, error as? Errno ?? .ioError)
        }
        var loading = ModelLoading(path: path.string)
        do throws(ModelFileError) { try loading.takeAll(of: file) } catch {
            try? file.close()  // read only: nothing is lost
            throw error
        }
        try? file.close()  // as above
        return try loading.finished()
    }
}

/// Saves a model.
///
/// - Parameter weights: reads the weights of a range of rows into an array that is long enough.
package func saveModel(
    _ stream: consuming CopyStream, to folder: FilePath, weights read: (Range<Int>, inout [Float]) -> Void
) throws(ModelFileError) {
    let file = try ModelFileWriter(folder: folder)
    try file.append(stream.begin())
    var weights = [Float](repeating: 0, count: Limits.Copy.chunkIndexCount)
    while let range = stream.nextRange {
        read(range, &weights)
        try file.append(stream.chunk(weights))
    }
    try file.append(stream.end())
    try file.finish()
}

/// Saves a model, whole or not at all: the file is written beside the old one and takes its place at the end.
package struct ModelFileWriter: ~Copyable {
    private let path: FilePath
    private let unfinished: FilePath
    private let file: FileDescriptor

    package init(folder: FilePath) throws(ModelFileError) {
        path = folder.appending(ModelFile.name)
        unfinished = folder.appending(ModelFile.name + ".unfinished")
        do throws(Errno) { try makeFolders(folder) } catch { throw .system(path: folder.string, error) }
        do {
            file = try .open(
                unfinished, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead])
        } catch { throw .system(path: unfinished.string, error as? Errno ?? .ioError) }
    }

    package func append(_ bytes: [UInt8]) throws(ModelFileError) {
        do { _ = try file.writeAll(bytes) } catch {
            throw .system(path: unfinished.string, error as? Errno ?? .ioError)
        }
    }

    package consuming func finish() throws(ModelFileError) {
        do {
            try sync(file)
            try file.close()
            try rename(unfinished, to: path)
        } catch { throw .system(path: path.string, error as? Errno ?? .ioError) }
    }
}

/// The records of a saved model, taken in as they are read.
private struct ModelLoading {
    let path: String
    var window = ByteWindow()
    private var reader = RecordReader()
    private var spec: ModelSpec?
    private var model: ServableModel?
    private var isComplete = false
    private var indices: [UInt32] = []
    private var values: [Float] = []

    init(path: String) { self.path = path }

    mutating func takeAll(of file: FileDescriptor) throws(ModelFileError) {
        var isAtEnd = false
        while !isAtEnd {
            switch window.read(1 << 20, fromFile: file.rawValue) {
            case .failure(let failure): throw .system(path: path, Errno(rawValue: failure.errorNumber))
            case .success(let count): isAtEnd = count == 0
            }
            try take()
        }
    }

    /// Takes in every whole record of the window.
    private mutating func take() throws(ModelFileError) {
        while let byteCount = try takeRecord() { window.removeFirst(byteCount) }
        if let specError { throw .spec(path: path, specError) }
    }

    /// The length of the record that was taken in, or nil where none is whole.
    private mutating func takeRecord() throws(ModelFileError) -> Int? {
        guard window.byteCount > 0 else { return nil }
        let start = reader.offset
        do throws(FormatError) {
            let bytes = window.bytes
            let waiting = bytes.span.extracting(0..<window.byteCount)
            guard case .record(let header, let payload) = try reader.read(waiting) else { return nil }
            try take(header, waiting.extracting(payload))
            return header.recordByteCount
        } catch {
            throw .format(path: path, offset: start, error)
        }
    }

    private var specError: ConfigurationError?

    private mutating func take(_ header: RecordHeader, _ payload: Span<UInt8>) throws(FormatError) {
        if isComplete { throw .corrupt(what: "records behind the end of the copy") }
        switch header.kind {
        case .spec:
            let yaml = try decodeSpec(header, payload: payload)
            do throws(ConfigurationError) { spec = try ModelSpec(yaml: yaml) } catch { specError = error }
        case .copyBegin:
            guard let spec, model == nil else { throw .corrupt(what: "a copy begins without a spec, or twice") }
            guard header.stamp.fingerprint == spec.fingerprint else {
                throw .corrupt(what: "the fingerprint is not the spec's")
            }
            model = ServableModel(
                spec: spec, history: header.stamp.history, version: header.stamp.version,
                watermarkMilliseconds: header.stamp.watermarkMilliseconds,
                table: WeightTable(indexCount: spec.indexCount))
        case .chunk:
            guard let model else { throw .corrupt(what: "a chunk before its copy begins") }
            try decodeRows(
                header, payload: payload, indexLimit: UInt64(model.table.indexCount), into: &indices, values: &values)
            model.table.set(indices.span, values.span)
        case .copyEnd:
            guard let model else { throw .corrupt(what: "a copy ends before it begins") }
            if let named = header.stamp.digest, named.digest != model.digest {
                throw .corrupt(what: "the weights do not have the digest they were saved with")
            }
            isComplete = true
        case .delta, .heartbeat:
            throw .corrupt(what: "a \(header.kind) in a saved model")
        }
    }

    func finished() throws(ModelFileError) -> ServableModel {
        guard let model, isComplete, window.byteCount == 0 else {
            throw .incomplete(path: path, what: "the file ends before its copy does")
        }
        return model
    }
}
