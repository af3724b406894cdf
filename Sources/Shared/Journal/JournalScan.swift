internal import Format

/// What is wrong with a journal that must not be started from.
package struct JournalDamage: Error, CustomStringConvertible {
    package var path: String
    package var offset: Int
    package var what: String

    package init(path: String, offset: Int, what: String) {
        (self.path, self.offset, self.what) = (path, offset, what)
    }

    package var description: String {
        "journal \(path) is damaged at byte \(offset): \(what). Nothing was changed. Put back that file as it was, or "
            + "move this node's state folder away and let the model be restored (docs/RUNBOOK.md, \"A corrupt journal\")"
    }
}

/// Reads a journal from its oldest segment on: every frame's payload in order, and where the next frame goes.
package struct JournalScan {
    /// A frame that was not written to its end: nothing in it was acknowledged.
    package struct TornTail: Sendable {
        package var path: String
        package var offset: Int
        /// Where its bytes are kept.
        package var keptAt: String
    }

    /// Where the journal goes on.
    package struct End: Sendable, Equatable {
        package var journal: UInt64
        package var segment: UInt64
        /// Where the last frame begins, and where it ends.
        package var lastOffset: Int
        package var offset: Int
        package var segmentByteCount: Int
        package var frameNumber: UInt64
        package var checksum: UInt32
    }

    /// Nil for a folder without a journal.
    package private(set) var end: End?
    package private(set) var torn: TornTail?
    /// Segments behind the end, which hold nothing.
    package private(set) var spares: [UInt64] = []
    package private(set) var byteCount = 0

    private let disk: any JournalDisk
    private var last: (journal: UInt64, number: UInt64, checksum: UInt32, offset: Int)?

    /// Reads everything; what was torn is cut off and kept aside.
    ///
    /// - Parameter frame: takes bytes of a segment, where in them a frame's payload is, and the segment's offset of the first.
    /// - Throws: `DiskFailure`, `JournalDamage`, and what `frame` throws.
    package init(
        _ disk: any JournalDisk,
        frame: (_ bytes: [UInt8], _ payload: Range<Int>, _ segment: UInt64, _ shift: Int) throws -> Void
    ) throws {
        self.disk = disk
        let segments = try disk.segments()
        var window = SegmentWindow(disk)
        for (place, segment) in segments.enumerated() {
            try window.open(segment)
            let offset = try take(&window, frame)
            if let later = try window.firstHeader(from: offset + 8) {
                throw damage(segment, offset, "frame \(nextNumber) is bad and another follows it at byte \(later)")
            }
            let byteCount = window.segmentByteCount
            let hasNext = try place + 1 < segments.count && window.hasHeader(segments[place + 1])
            if offset == 0 {
                guard !hasNext else { throw damage(segment, 0, "it has no frame and segment \(segment + 1) has") }
                try window.cover(0..<Frame.headerByteCount)
                try checkUnused(segment, window.bytes)
                try cutOff(&window, 0)
                spares.append(segment)
            } else {
                let last = last!
                end = End(
                    journal: last.journal, segment: segment, lastOffset: last.offset, offset: offset,
                    segmentByteCount: byteCount, frameNumber: last.number, checksum: last.checksum)
                if !hasNext { try cutOff(&window, offset) }
            }
        }
    }

    private var nextNumber: UInt64 { (last?.number ?? 0) + 1 }

    /// Hands out the frames of a segment, one after the other; answers where they end.
    private mutating func take(
        _ window: inout SegmentWindow,
        _ deliver: (_ bytes: [UInt8], _ payload: Range<Int>, _ segment: UInt64, _ shift: Int) throws -> Void
    ) throws -> Int {
        let segment = window.segment
        var offset = 0
        while let (frame, checksum) = try window.header(at: offset) {
            if let last {
                guard frame.journal == last.journal else {
                    throw damage(segment, offset, "a frame of another journal")
                }
                guard frame.number == last.number + 1, frame.previous == last.checksum else {
                    throw damage(segment, offset, "frame \(frame.number) does not follow frame \(last.number)")
                }
            }
            try window.cover(offset..<offset + frame.byteCount)
            let local = offset - window.start
            guard frame.hasPayload(in: window.bytes, at: local) else { return offset }
            let start = local + Frame.headerByteCount
            try deliver(window.bytes, start..<start + frame.payloadByteCount, segment, window.start)
            last = (frame.journal, frame.number, checksum, offset)
            byteCount += frame.byteCount
            offset += frame.byteCount
        }
        return offset
    }

    /// A segment without a whole frame of its own was just made, of nothing or of an older one; its first may be torn.
    private func checkUnused(_ segment: UInt64, _ bytes: [UInt8]) throws {
        guard let stamp = Frame.stamp(in: bytes, at: 0) else { return }
        guard stamp.version == Frame.formatVersion else {
            throw damage(
                segment, 0, "its frames have version \(stamp.version), this program reads \(Frame.formatVersion)")
        }
        guard stamp.segment <= segment else {
            throw damage(segment, 0, "it is segment \(stamp.segment) under another name")
        }
    }

    /// Keeps what was torn aside. Its place is written over by the next frame.
    private mutating func cutOff(_ window: inout SegmentWindow, _ offset: Int) throws {
        var byteCount = Self.keptByteCountMax
        if let (frame, _) = try window.header(at: offset) {
            byteCount = frame.byteCount
        } else {
            // The beginning of a frame whose header is bad; an older use of the segment left whole ones.
            try window.cover(offset..<offset + Frame.headerByteCount)
            let local = offset - window.start
            guard firstOffset(of: Frame.magic, in: window.bytes, from: local) == local,
                Frame.stamp(in: window.bytes, at: local) == nil
            else { return }
        }
        try window.cover(offset..<offset + byteCount)
        let local = offset - window.start
        let bytes = Array(window.bytes[local..<min(local + byteCount, window.bytes.count)])
        let kept = try disk.keepAside(bytes, as: "torn-\(window.segment)-\(offset)")
        torn = TornTail(path: disk.path(of: window.segment), offset: offset, keptAt: kept)
    }

    /// Bytes kept of a frame whose length is not known.
    private static let keptByteCountMax = 1 << 20

    private func damage(_ segment: UInt64, _ offset: Int, _ what: String) -> JournalDamage {
        JournalDamage(path: disk.path(of: segment), offset: offset, what: what)
    }
}
