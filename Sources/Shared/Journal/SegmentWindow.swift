internal import Domain
internal import Format

/// What is looked at of a segment: a piece that moves on with its frames, in memory that serves again.
struct SegmentWindow {
    private let disk: any JournalDisk
    private(set) var segment: UInt64 = 0
    private(set) var segmentByteCount = 0
    /// Bytes of the segment from `start` on. Frames begin at multiples of 8, and so does it.
    private(set) var bytes: [UInt8] = []
    private(set) var start = 0

    init(_ disk: any JournalDisk) { self.disk = disk }

    mutating func open(_ segment: UInt64) throws(DiskFailure) {
        (self.segment, segmentByteCount) = (segment, try disk.byteCount(of: segment))
        bytes.removeAll(keepingCapacity: true)
        start = 0
    }

    /// Has the bytes `range` of the segment in `bytes`, as far as there are any.
    mutating func cover(_ range: Range<Int>) throws(DiskFailure) {
        let end = min(range.upperBound, segmentByteCount)
        guard range.lowerBound < start || end > start + bytes.count else { return }
        start = range.lowerBound
        let piece = start..<max(start, min(segmentByteCount, max(end, start + Limits.Journal.scanByteCount)))
        try disk.read(segment, piece, into: &bytes)
    }

    /// The frame whose header stands at an offset of the segment, and its checksum; nil where none does.
    mutating func header(at offset: Int) throws(DiskFailure) -> (frame: Frame, checksum: UInt32)? {
        try cover(offset..<offset + Frame.headerByteCount)
        return Frame.header(in: bytes, at: offset - start, segment: segment)
    }

    /// Where the first header stands, of those from an offset on.
    mutating func firstHeader(from offset: Int) throws(DiskFailure) -> Int? {
        var offset = (offset + 7) & ~7
        while offset < segmentByteCount {
            try cover(offset..<offset + Frame.headerByteCount)
            if let found = firstOffset(of: Frame.magic, in: bytes, from: offset - start) {
                offset = start + found
                if try header(at: offset) != nil { return offset }
                offset += 8
            } else {
                offset = max(offset + 8, (start + bytes.count) & ~7)
            }
        }
        return nil
    }

    /// Whether another segment has a header.
    func hasHeader(_ other: UInt64) throws(DiskFailure) -> Bool {
        var window = SegmentWindow(disk)
        try window.open(other)
        return try window.firstHeader(from: 0) != nil
    }
}
