extension Limits {
    package enum Snapshot {
        /// Rows looked at for one chunk: the lane copies 64 KiB for it, about 20 µs.
        package static let chunkRowCount = 8192
        /// How often a model is written out, however little was learned.
        package static let interval: ClosedRange<Duration> = .seconds(1)...(.seconds(7 * 86400))
        package static let intervalDefault: Duration = .seconds(300)
        /// Bytes in the journal after which a model is written out before its time, if they are twice its table, too.
        package static let journalByteCount = 1 << 30
        /// Snapshots kept of a model. The journal reaches back to the one before the newest, so that either is enough.
        package static let keptCount = 2
        /// Those a mirror keeps: one node's may fail for some while the others' go on, and all must have one in common.
        package static let mirroredCount = 6
        /// A snapshot that failed, by a full disk perhaps, is tried again after this time.
        package static let retryWait: Duration = .seconds(30)
        /// Bytes of a snapshot read at a time.
        package static let readByteCount = 1 << 20
    }
}
