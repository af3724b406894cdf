internal import Domain

/// Appends frames to a journal's segments. What `append` returns from is on the disk.
package struct JournalWriter: ~Copyable {
    private let disk: any JournalDisk
    private let segmentByteCount: Int
    private let journal: UInt64
    package private(set) var segment: UInt64
    private var offset: Int
    private var capacity: Int
    private var number: UInt64
    private var checksum: UInt32
    /// Segments from `oldest` to the one written are there; those below `needed` serve again, the oldest first.
    private var oldest: UInt64
    private var needed: UInt64 = 0

    /// Goes on where a scan ended, or begins a journal.
    ///
    /// - Parameters:
    ///   - segmentByteCount: of the segments it makes; a larger frame gets one of its own size.
    ///   - random: names a new journal.
    package init(
        _ disk: any JournalDisk, after scan: JournalScan, segmentByteCount: Int, random: UInt64
    ) throws(DiskFailure) {
        for spare in scan.spares { try disk.remove(spare) }
        let first = try disk.segments().first
        // What a process that was killed had written may be in the system's memory only; and where its sync failed the system
        // may take it for written. So the last frame is written again.
        if let end = scan.end {
            let last = try disk.read(end.segment, end.lastOffset..<end.offset)
            try disk.write(last, to: end.segment, at: end.lastOffset)
            try disk.sync(end.segment)
        }
        self.disk = disk
        self.segmentByteCount = segmentByteCount
        let end =
            scan.end
            ?? JournalScan.End(
                journal: random, segment: 0, lastOffset: 0, offset: 0, segmentByteCount: 0, frameNumber: 0, checksum: 0)
        (journal, segment, offset, capacity) = (end.journal, end.segment, end.offset, end.segmentByteCount)
        (number, checksum) = (end.frameNumber, end.checksum)
        oldest = first ?? 1
    }

    /// Writes records as one frame and waits until it is on the disk.
    ///
    /// - Parameter heads: records that a new segment begins with, so that it can be read without those before it.
    /// - Returns: where the first byte of `records` stands.
    /// - Throws: `full` when nothing was appended: the same records are to be tried again before any others, so that they are
    ///   written over what got to the disk of them.
    package mutating func append(
        _ records: [UInt8], heads: () -> [UInt8]
    ) throws(DiskFailure) -> (segment: UInt64, offset: Int) {
        let room = Frame.headerByteCount + records.count + 8
        var payload = records
        var headByteCount = 0
        var (segment, offset, capacity) = (segment, offset, capacity)
        if offset + room > capacity {
            let heads = heads()
            headByteCount = heads.count
            payload = heads + records
            segment += 1
            offset = 0
            capacity = try make(segment, byteCount: max(segmentByteCount, room + heads.count))
        }
        let (bytes, checksum) = Frame.bytes(
            of: payload, segment: segment, number: number + 1, journal: journal, previous: self.checksum)
        try disk.write(bytes, to: segment, at: offset)
        try disk.sync(segment)
        number += 1
        (self.segment, self.offset, self.capacity, self.checksum) = (segment, offset + bytes.count, capacity, checksum)
        return (segment, offset + Frame.headerByteCount + headByteCount)
    }

    private mutating func make(_ segment: UInt64, byteCount: Int) throws(DiskFailure) -> Int {
        let old = oldest < min(needed, self.segment) ? oldest : nil
        try disk.make(segment, from: old, byteCount: byteCount)
        if old != nil { oldest += 1 }
        return byteCount
    }

    /// Says that nothing below segment `needed` is needed: what does not serve again is removed.
    package mutating func release(below needed: UInt64) throws(DiskFailure) {
        self.needed = max(self.needed, min(needed, segment))
        while oldest + Limits.Journal.spareSegmentCount < self.needed {
            try disk.remove(oldest)
            oldest += 1
        }
    }

    /// Segments in use, whole.
    package var segmentCount: Int { Int(segment + 1 - oldest) }
}
