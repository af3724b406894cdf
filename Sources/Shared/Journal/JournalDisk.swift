/// What a journal needs of a disk: numbered segments, each a file of one folder. A test has one that loses power.
package protocol JournalDisk: AnyObject {
    /// Numbers of the segments there are, rising.
    func segments() throws(DiskFailure) -> [UInt64]
    func read(_ segment: UInt64) throws(DiskFailure) -> [UInt8]
    func read(_ segment: UInt64, _ range: Range<Int>) throws(DiskFailure) -> [UInt8]
    /// As above, into memory that serves again.
    func read(_ segment: UInt64, _ range: Range<Int>, into bytes: inout [UInt8]) throws(DiskFailure)
    func byteCount(of segment: UInt64) throws(DiskFailure) -> Int
    /// Makes a segment of at least `byteCount` bytes, whatever they are: from `old`, which is then gone, where one is
    /// named. That it is there survives a loss of power.
    func make(_ segment: UInt64, from old: UInt64?, byteCount: Int) throws(DiskFailure)
    /// Until `sync` a loss of power may leave any part of it, in pieces.
    func write(_ bytes: [UInt8], to segment: UInt64, at offset: Int) throws(DiskFailure)
    func sync(_ segment: UInt64) throws(DiskFailure)
    func remove(_ segment: UInt64) throws(DiskFailure)
    /// Keeps bytes that are no part of the journal any more where an operator finds them; answers where.
    func keepAside(_ bytes: [UInt8], as name: String) throws(DiskFailure) -> String
    /// A segment's place for people.
    func path(of segment: UInt64) -> String
    /// Lets others use it. Nothing is asked of it any more.
    func close()
}

extension JournalDisk {
    /// Of a disk that nobody else could use.
    package func close() {}

    package func read(_ segment: UInt64, _ range: Range<Int>, into bytes: inout [UInt8]) throws(DiskFailure) {
        bytes = try read(segment, range)
    }

    package func byteCount(of segment: UInt64) throws(DiskFailure) -> Int { try read(segment).count }
}

/// A disk that does not do what it was told.
package struct DiskFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// There is no room: try again when there is.
        case full
        /// Nobody knows what is on the disk now: end the process, and read the disk anew.
        case broken
    }
    package var kind: Kind
    package var description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
