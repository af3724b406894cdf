package import Domain
package import Features
internal import Format

/// What a tape keeps. docs/FORMAT.md, "The tape", is the authority.
package enum TapeRecord: Sendable {
    /// A batch as this node's intake took it, with the importances that it is learned with.
    case batch(BatchID, trainer: ModelName?, ExampleBatch)
    /// A commit of a model whose clock is here: the order of its batches.
    case header(CommitHeader)

    private enum Kind: UInt8 {
        case batch = 1
        case header
    }

    /// Bytes before a record's fields: its byte count and checksum.
    static let frontByteCount = 8

    func bytes(_ history: History) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(UInt32(0))
        writer.put(UInt32(0))
        writer.put(history.rawValue)
        switch self {
        case .batch(let batch, let trainer, let examples):
            writer.put(Kind.batch.rawValue)
            writer.put(batch)
            writer.put(trainer?.text ?? "")
            writer.put(slice: examples)
            writer.put(examples.labels, first: examples.exampleCount)
            writer.put(examples.importances, first: examples.exampleCount)
        case .header(let header):
            writer.put(Kind.header.rawValue)
            header.write(to: &writer)
        }
        var sum = CRC32C()
        sum.add(writer.bytes.span.extracting(droppingFirst: Self.frontByteCount))
        writer.replace(UInt32(writer.bytes.count - Self.frontByteCount), at: 0)
        writer.replace(sum.value, at: 4)
        return writer.bytes
    }

    /// The record at a place of a file, and the byte behind it; nil where none begins or it is cut off or damaged: a tape ends
    /// anywhere.
    static func read(
        _ bytes: [UInt8], at start: Int
    ) -> (history: History, record: TapeRecord, end: Int)? {
        do throws(FormatError) {
            var front = FieldReader(bytes, start..<bytes.count)
            let (byteCount, sum) = (Int(try front.take(UInt32.self)), try front.take(UInt32.self))
            let end = start + frontByteCount + byteCount
            guard end <= bytes.count else { return nil }
            var found = CRC32C()
            found.add(bytes.span.extracting(start + frontByteCount..<end))
            guard found.value == sum else { return nil }
            var reader = FieldReader(bytes, start + frontByteCount..<end)
            let history = History(try reader.take())
            switch Kind(rawValue: try reader.take()) {
            case .batch:
                let (batch, name) = (try reader.takeBatchID(), try reader.takeText())
                var examples = try reader.takeSlice()
                let labels = try reader.take(examples.exampleCount, like: Float(0))
                let importances = try reader.take(examples.exampleCount, like: Float(0))
                guard let labelled = ExampleBatch(labels: labels, importances: importances) else { return nil }
                examples.setLabels(of: labelled)
                return (history, .batch(batch, trainer: ModelName(name), examples), end)
            case .header: return (history, .header(try CommitHeader(from: &reader)), end)
            case nil: return nil
            }
        } catch { return nil }
    }
}
