package import Domain
package import Learning

/// What a node tells about a model, as of its last batch.
package struct ModelStatus: Sendable {
    package var phase = "gathering"
    package var version = Version.zero
    package var stableVersion = Version.zero
    package var publishedVersion = Version.zero
    package var publishedRowCount: UInt64 = 0
    package var publishedByteCount: UInt64 = 0
    package var total = Validation.Sums()
    package var window = Validation.Sums()
    package var auc = Double.nan
    package var clampedCount = 0
    /// Commits so far.
    package var commitCount: UInt64 = 0
    /// Slices parked here, and bytes of text that the clock has granted places for.
    package var parkedSliceCount = 0
    package var grantedByteCount = 0
    /// Rounds over several owners so far, and the mean time between two of a batch, lately.
    package var roundCount: UInt64 = 0
    package var roundMicroseconds = 0.0
    package var roundsPerSecond = 0.0
    /// Examples learned since this node began.
    package var learnedCount: UInt64 = 0
    /// Examples that a round learned, on the average.
    package var acceptedPerRound: Double { Double(learnedCount) / Double(roundCount) }
    /// The version of the newest snapshot that this node has written since it began.
    package var snapshotVersion: Version?
    /// The newest snapshot that this node has copied to its mirror, if it has one.
    package var mirroredVersion: Version?
    /// While the model un-learns: batches learned again, of how many.
    package var replayProgress: (done: Int, count: Int)?
    /// What operators made of the model.
    package var standing = Standing()
    /// What the model waits for, if it waits for someone.
    package var waitsFor: String?

    package init() {}

    /// Cheap, as it is made for every message: what is waited for is looked up by the clock (`ModelLane.tick`) and when
    /// somebody asks.
    init(_ member: borrowing GroupMember, _ pace: RoundPace, waitsFor: String?) {
        switch member.phase {
        case .gathering: break
        case .open: phase = "open"
        case .closed: phase = "closed"
        }
        version = member.clock?.position ?? member.learnedVersion
        commitCount = member.clock?.number ?? member.lastCommit?.number ?? 0
        parkedSliceCount = member.parkedCount
        grantedByteCount = member.clock?.grantedByteCount ?? 0
        stableVersion = member.clock?.stableVersion ?? version
        roundCount = member.rounds.rounds.roundCount
        learnedCount = version.rawValue - min(version.rawValue, member.epochVersion.rawValue)
        roundMicroseconds = pace.roundMicroseconds
        roundsPerSecond = pace.roundsPerSecond
        clampedCount = member.clampedCounts.values.reduce(0, +)
        standing = member.standing
        replayProgress = member.replayProgress
        self.waitsFor = waitsFor
        member.addRows(to: &self)
    }

    /// Progressive validation, JSON.
    package var validationJSON: String {
        func sums(_ sums: Validation.Sums) -> KeyValuePairs<String, String> {
            [
                "weight": jsonNumber(sums.weight), "log_loss": jsonNumber(sums.logLoss),
                "calibration": jsonNumber(sums.calibration), "label_rate": jsonNumber(sums.labelRate),
                "normalised_entropy": jsonNumber(sums.normalisedEntropy),
            ]
        }
        return jsonObject([
            "log_loss": jsonNumber(total.logLoss), "auc": jsonNumber(auc), "calibration": jsonNumber(total.calibration),
            "total": jsonObject(sums(total)), "window": jsonObject(sums(window)),
        ])
    }
}

extension GroupMember {
    /// What the model waits for, in words for an operator.
    package var waitsFor: String? {
        guard let clock else { return phase == .gathering ? "\(names[clockNode]), where its clock is" : nil }
        let owners = identity.owners.map { names[$0] }
        if phase == .gathering {
            let late = identity.owners.filter { epochCut == nil ? joined[$0] == nil : !begunOwners.contains($0) }
            let what = epochCut == nil ? "to join" : "to read their disks"
            return "owners \(what): \(late.map { names[$0] }.joined(separator: ", "))"
        }
        if clock.current != nil {
            let late = rounds.missingOwners.map { owners[$0] }
            return late.isEmpty ? nil : "margins of \(late.joined(separator: ", "))"
        }
        return clock.waitsFor(owners)
    }

    /// The version this node's rows stand at.
    package var learnedVersion: Version {
        switch whole {
        case .some(let whole): return whole.version
        case .none: break
        }
        switch shard {
        case .some(let shard): return shard.version
        case .none: return .zero
        }
    }

    /// The last commit of this node's shard, where a model has several.
    package var lastCommit: (number: UInt64, hash: UInt64)? {
        switch shard {
        case .some(let shard): (shard.number, shard.hash)
        case .none: nil
        }
    }

    /// Batches whose slices wait here for their order.
    package var parkedBatches: [BatchID] {
        switch shard {
        case .some(let shard): shard.parkedBatches
        case .none: []
        }
    }

    var parkedCount: Int {
        switch shard {
        case .some(let shard): shard.parkedCount
        case .none: 0
        }
    }

    /// Whether this owner has the batch's slice.
    package func has(_ batch: BatchID) -> Bool {
        switch shard {
        case .some(let shard): shard.has(batch)
        case .none: false
        }
    }

    func addRows(to status: inout ModelStatus) {
        if let learner = wholeFigures {
            (status.total, status.window, status.clampedCount) = (learner.total, learner.window, learner.clamped)
        } else {
            (status.total, status.window) = (rounds.validation.total, rounds.validation.window)
        }
        let published = publisherFigures
        status.publishedVersion = published.version
        status.publishedRowCount = published.rows
        status.publishedByteCount = published.bytes
    }

    private var wholeFigures: (total: Validation.Sums, window: Validation.Sums, clamped: Int)? {
        switch whole {
        case .some(let whole):
            (whole.learner.validation.total, whole.learner.validation.window, whole.learner.clampedCount)
        case .none: nil
        }
    }

    private var publisherFigures: (version: Version, rows: UInt64, bytes: UInt64) {
        switch whole {
        case .some(let whole):
            return (whole.publisher.version, whole.publisher.publishedRowCount, whole.publisher.publishedByteCount)
        case .none: break
        }
        switch shard {
        case .some(let shard):
            return (shard.publisher.version, shard.publisher.publishedRowCount, shard.publisher.publishedByteCount)
        case .none: return (.zero, 0, 0)
        }
    }

    var validationAUC: Double {
        switch whole {
        case .some(let whole): whole.learner.validation.auc
        case .none: rounds.validation.auc
        }
    }
}
