package import Domain
package import Format

/// What a node's journal says of a model. docs/FORMAT.md, "The journal", is the authority.
package enum JournalEntry: Sendable {
    /// The node takes part in this epoch of the model. The first one creates it; each new segment repeats the last.
    case join(epoch: UInt32, ModelIdentity)
    /// Commits above this one, of earlier epochs, are void.
    case cut(epoch: UInt32, number: UInt64)
    /// A commit of the model, and this owner's rows that changed since the one before: a record with both columns, or
    /// nothing.
    case commit(CommitHeader, clampedCount: Int, rows: [UInt8])
    /// The commit was durable at all owners.
    case stable(number: UInt64)
    /// The model was deleted.
    case forget

    private enum Kind: UInt8 {
        case join = 1
        case cut, commit, stable, forget
    }

    private var kind: Kind {
        switch self {
        case .join: .join
        case .cut: .cut
        case .commit: .commit
        case .stable: .stable
        case .forget: .forget
        }
    }

    /// Behind its byte count, u32, which covers what follows.
    package func write(_ history: History, to writer: inout FieldWriter) {
        let start = writer.bytes.count
        writer.put(UInt32(0))
        writer.put(kind.rawValue)
        writer.put(UInt8(0))
        writer.put(UInt16(0))
        writer.put(history.rawValue)
        switch self {
        case .join(let epoch, let identity):
            writer.put(epoch)
            writer.put(identity)
        case .cut(let epoch, let number):
            writer.put(epoch)
            writer.put(number)
        case .commit(let header, let clampedCount, let rows):
            header.write(to: &writer)
            writer.put(UInt64(clampedCount))
            writer.put(rows, first: rows.count)
        case .stable(let number): writer.put(number)
        case .forget: break
        }
        writer.replace(UInt32(writer.bytes.count - start - 4), at: start)
    }

    /// Reads an entry that `write` wrote.
    ///
    /// - Parameters:
    ///   - bytes, start: the entry's first byte; answers the byte behind it.
    ///   - withRows: leave a commit's rows out where nobody needs them.
    package static func read(
        _ bytes: [UInt8], at start: Int, end: Int, withRows: Bool
    ) throws(FormatError) -> (History, JournalEntry, end: Int) {
        var front = FieldReader(bytes, start..<end)
        let byteCount = Int(try front.take(UInt32.self))
        guard byteCount <= end - start - 4 else { throw .corrupt(what: "an entry ends behind its frame") }
        let entryEnd = start + 4 + byteCount
        var reader = FieldReader(bytes, start + 4..<entryEnd)
        let (kindByte, reserved, alsoReserved) = (
            try reader.take(UInt8.self), try reader.take(UInt8.self), try reader.take(UInt16.self)
        )
        guard reserved == 0, alsoReserved == 0 else { throw .corrupt(what: "a reserved byte is not zero") }
        guard let kind = Kind(rawValue: kindByte) else { throw .unsupported(what: "journal entry \(kindByte)") }
        let history = History(try reader.take())
        let entry: JournalEntry
        switch kind {
        case .join: entry = .join(epoch: try reader.take(), try reader.takeIdentity())
        case .cut: entry = .cut(epoch: try reader.take(), number: try reader.take())
        case .commit:
            let header = try CommitHeader(from: &reader)
            let clampedCount = try reader.take(UInt64.self)
            guard clampedCount <= UInt64(Int.max) else { throw .corrupt(what: "a count above any") }
            let rows = withRows ? try reader.takeRest() : []
            entry = .commit(header, clampedCount: Int(clampedCount), rows: rows)
            if !withRows { return (history, entry, entryEnd) }
        case .stable: entry = .stable(number: try reader.take())
        case .forget: entry = .forget
        }
        try reader.finish()
        return (history, entry, entryEnd)
    }
}
