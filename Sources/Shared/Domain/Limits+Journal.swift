extension Limits {
    package enum Journal {
        /// Bytes of a segment: one is made, or recycled, about once a second at full speed.
        package static let segmentByteCount = 64 << 20
        /// Segments that nobody needs and that wait to serve again; the rest is removed.
        package static let spareSegmentCount: UInt64 = 2
        /// Batches are learned for this time before a commit is marked though more wait, here or at their trainer; twice as long
        /// while the commit before is on its way to the disks. Half of it is what a trainer that never waits waits for an answer;
        /// shorter ones write the same rows more often (docs/SPEED.md, "Journal").
        package static let commitInterval: Duration = .milliseconds(25)
        /// Features learned after which a commit is marked all the same, and while two commits are not stable no batch is
        /// ordered: a commit's rows stay below the format's 2^23.
        package static let commitFeatureCountMax = 1 << 20
        /// Bytes of a segment looked at together when a node begins: they stay in the processor's cache.
        package static let scanByteCount = 4 << 20
        /// Bytes of commits read before the lane sets their rows.
        package static let replayByteCount = 1 << 20
        /// How long a node that starts waits for another process to leave its state folder.
        package static let lockWait: Duration = .seconds(3)
        /// How often a full disk is tried again.
        package static let fullDiskWait: Duration = .milliseconds(500)
        /// Seconds a trainer is asked to wait when a disk is full.
        package static let fullDiskRetryAfterSeconds = 5
    }
}
