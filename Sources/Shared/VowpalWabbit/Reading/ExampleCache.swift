internal import Files
internal import Format
internal import SystemPackage

/// Parsed examples on disk, for the passes after the first: our own format, not Vowpal Wabbit's.
///
/// A head (magic, version, bits), then chunks (byte count, CRC-32C, columns of `ParsedExamples`), then an empty chunk
/// that ends the file.
/// What is ignored, crossed or added is not in it, so that runs with other options may share it.
package enum ExampleCache {
    private static let magic: [UInt8] = Array("sluice-vw-cache\n".utf8)
    private static let version: UInt32 = 1
    /// A chunk's bytes, at most: more is damage.
    private static let chunkByteCountMax = 1 << 30

    /// Writes a cache beside the old one, and takes its place at the end.
    package struct Writer: ~Copyable {
        private let path: String
        private let unfinished: FilePath
        private let file: FileDescriptor

        package init(path: String, bits: Int) throws(VWError) {
            let unfinished = FilePath(path + ".writing")
            let file = try openForWriting(unfinished.string)
            var head = FieldWriter()
            head.put(ExampleCache.version)
            head.put(UInt32(bits))
            try write(ExampleCache.magic + head.bytes, to: file, path)
            (self.path, self.unfinished, self.file) = (path, unfinished, file)
        }

        package func append(_ examples: ParsedExamples) throws(VWError) {
            guard examples.exampleCount > 0 else { return }
            try append(ExampleCache.bytes(of: examples))
        }

        private func append(_ bytes: [UInt8]) throws(VWError) {
            var frame = FieldWriter()
            frame.put(UInt32(bytes.count))
            frame.put(ExampleCache.checksum(bytes))
            try write(frame.bytes + bytes, to: file, path)
        }

        package consuming func finish() throws(VWError) {
            try append([])
            do {
                try file.close()
                try rename(unfinished, to: FilePath(path))
            } catch { throw .system(path: path, error as? Errno ?? .ioError) }
        }
    }

    /// Reads a cache chunk by chunk.
    package struct Reader: ~Copyable {
        private let path: String
        private let file: FileDescriptor
        package let bits: Int
        private var place: Int
        private var bytes: [UInt8] = []

        /// - Throws: where the file is no cache of this program, or of another version.
        package init(path: String) throws(VWError) {
            let file = try openForReading(path)
            let headByteCount = ExampleCache.magic.count + 8
            let head = try read(file, 0..<headByteCount, path)
            guard head.count == headByteCount, Array(head.prefix(ExampleCache.magic.count)) == ExampleCache.magic else {
                throw .file(
                    path: path, "is not a cache of sluice vw (Vowpal Wabbit's own are not read); -k makes a new one")
            }
            var fields = FieldReader(head, ExampleCache.magic.count..<headByteCount)
            let (version, bits): (UInt32, UInt32)
            do throws(FormatError) { (version, bits) = (try fields.take(), try fields.take()) } catch {
                throw .file(path: path, "the cache is damaged: \(error)")
            }
            guard version == ExampleCache.version else {
                throw .file(path: path, "is a cache of another version of sluice; -k makes a new one")
            }
            (self.path, self.file, self.bits, place) = (path, file, Int(bits), headByteCount)
        }

        package mutating func rewind() { place = ExampleCache.magic.count + 8 }

        /// Reads the next chunk.
        ///
        /// - Returns: false at the end.
        package mutating func next(into examples: inout ParsedExamples) throws(VWError) -> Bool {
            let frame = try read(file, place..<place + 8, path)
            guard frame.count == 8 else { throw damaged("it ends before its last chunk") }
            var fields = FieldReader(frame, 0..<8)
            let (count, sum): (Int, UInt32)
            do throws(FormatError) { (count, sum) = (Int(try fields.take(UInt32.self)), try fields.take()) } catch {
                throw damaged("\(error)")
            }
            guard count <= ExampleCache.chunkByteCountMax else { throw damaged("a chunk of \(count) bytes") }
            bytes = try read(file, place + 8..<place + 8 + count, path)
            guard bytes.count == count else { throw damaged("it ends inside a chunk") }
            guard ExampleCache.checksum(bytes) == sum else { throw damaged("a chunk's checksum is wrong") }
            guard count > 0 else { return false }
            guard examples.take(bytes) else { throw damaged("a chunk's columns do not fit each other") }
            place += 8 + count
            return true
        }

        private func damaged(_ what: String) -> VWError {
            .file(path: path, "the cache is damaged: \(what); -k makes a new one")
        }

        deinit { try? file.close() }  // read only: nothing is lost
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var sum = CRC32C()
        sum.add(bytes.span)
        return sum.value
    }

    private static func bytes(of examples: ParsedExamples) -> [UInt8] {
        var writer = FieldWriter()
        let counts = [
            examples.exampleCount, examples.segmentCount, examples.featureCount, examples.tagByteCount,
        ]
        for count in counts { writer.put(UInt32(count)) }
        writer.put(examples.labels, first: examples.exampleCount)
        writer.put(examples.importances, first: examples.exampleCount)
        writer.put(examples.initials, first: examples.exampleCount)
        writer.put(examples.tagEnds, first: examples.exampleCount)
        writer.put(examples.segmentEnds, first: examples.exampleCount)
        writer.put(examples.featureEnds, first: examples.segmentCount)
        writer.put(examples.indices, first: examples.featureCount)
        writer.put(examples.values, first: examples.featureCount)
        writer.put(examples.segmentBytes, first: examples.segmentCount)
        writer.put(examples.tags, first: examples.tagByteCount)
        return writer.bytes
    }
}

extension ParsedExamples {
    /// Takes a cache's chunk in; what was held is gone.
    ///
    /// - Returns: false where the columns do not fit the byte count or each other: then nothing may be read.
    fileprivate mutating func take(_ bytes: [UInt8]) -> Bool {
        removeAll()
        var fields = FieldReader(bytes, 0..<bytes.count)
        do throws(FormatError) {
            let counts = try fields.take(4, like: 0 as UInt32).map(Int.init)
            (labels, importances) = (try fields.take(counts[0], like: 0), try fields.take(counts[0], like: 0))
            initials = try fields.take(counts[0], like: 0)
            (tagEnds, segmentEnds) = (try fields.take(counts[0], like: 0), try fields.take(counts[0], like: 0))
            featureEnds = try fields.take(counts[1], like: 0)
            (indices, values) = (try fields.take(counts[2], like: 0), try fields.take(counts[2], like: 0))
            (segmentBytes, tags) = (try fields.take(counts[1], like: 0), try fields.take(counts[3], like: 0))
            try fields.finish()
            guard rise(tagEnds, to: counts[3]), rise(segmentEnds, to: counts[1]), rise(featureEnds, to: counts[2])
            else { return false }
            (exampleCount, segmentCount, featureCount, tagByteCount) = (counts[0], counts[1], counts[2], counts[3])
            return true
        } catch { return false }
    }

    /// Whether the ends never fall and the last is `end`.
    private func rise(_ ends: [UInt32], to end: Int) -> Bool {
        for k in ends.indices.dropFirst() where ends[k] < ends[k - 1] { return false }
        return Int(ends.last ?? 0) == end
    }
}
