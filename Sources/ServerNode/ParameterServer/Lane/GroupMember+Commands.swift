package import Domain
internal import Learning

/// What an operator commands of a model: each command is one commit more in its log.
///
///     freeze, thaw    a commit that says so
///     rates           a commit that followers need a copy of: weights change that no example touched
///     restore         pinSnapshot ─▶ all owners hold it, whole ─▶ a commit that names it ─▶ each owner reads its rows ─▶ durable
///
/// Trainers' marks stay as they are: what was learned once is not learned again.
extension GroupMember {
    package enum Command: Sendable, Equatable {
        /// The rows become those of a kept snapshot, named by its commit.
        case restore(number: UInt64)
        case freeze(Bool)
        /// The rates become these; `instead` of those that whoever commands it has seen.
        case rates(ModelSpec.Learner, instead: ModelSpec.Learner)
        /// A snapshot is there, whole, on every owner, and stays.
        case pin(number: UInt64)
        case unlearn(Unlearning)

        /// For the log.
        package var words: String {
            switch self {
            case .restore(let number): "restore commit \(number)"
            case .freeze(let isFrozen): isFrozen ? "freeze" : "thaw"
            case .rates(let learner, _): "rates \(learner)"
            case .pin(let number): "keep the snapshot of commit \(number)"
            case .unlearn(let unlearning):
                "un-learn \(unlearning.trainer) since commit \(unlearning.number), \(unlearning.batches.count) batches"
            }
        }

        /// The commit of the snapshot that it needs.
        var snapshot: UInt64? {
            switch self {
            case .restore(let number), .pin(let number): number
            case .unlearn(let unlearning): unlearning.number
            case .freeze, .rates: nil
            }
        }
    }

    struct CommandUnderWay {
        var command: Command
        /// Its number in the epoch.
        var serial: UInt32
        /// Owners that hold the snapshot.
        var pinned: Set<Int> = []
        /// The commit that carries it out, once it is marked.
        var number: UInt64?
        /// Of an un-learning.
        var replay: Replay?
    }

    /// A commit that restores a snapshot, while its rows are read.
    struct Load {
        var number: UInt64
        var epoch: UInt32
        var header: CommitHeader
        var clampedCount: Int
        /// Whether the commit is on this disk: the clock hears of it when its rows are here, too.
        var isDurable = false
    }

    // MARK: the clock

    /// Begins to carry out a command; `commanded` tells what became of it.
    ///
    /// - Returns: why it cannot be, or nil.
    package mutating func begin(_ command: Command, _ now: Now) -> CommandFailure? {
        if case .closed(let reason) = phase { return CommandFailure(.refused, "the model is closed: \(reason)") }
        guard clock != nil, phase == .open else {
            return CommandFailure(.unavailable, "the model is not open: \(waitsFor ?? "its owners gather")")
        }
        guard self.command == nil else {
            return CommandFailure(.unavailable, "another command of the model is under way")
        }
        guard !isRestoring else { return CommandFailure(.unavailable, "the rows of a snapshot are being read") }
        switch command {
        case .restore, .pin: break
        case .unlearn(let unlearning):
            guard standing.isFrozen, clock!.hash == unlearning.lastHash else {
                return CommandFailure(.unavailable, "the model was changed meanwhile")
            }
        case .freeze(let isFrozen):
            guard standing.isFrozen != isFrozen else {
                outputs.append(.commanded(clock!.version, failure: nil))
                return nil
            }
            if isFrozen { clock!.freeze(Clock.frozen) }
        case .rates(let learner, let instead):
            guard instead == standing.learner else {
                return CommandFailure(.unavailable, "the rates were changed meanwhile")
            }
            guard learner.hasSameRule(as: instead) else {
                return CommandFailure(
                    .refused, "the model learns by another rule: its rows would mean nothing under this one")
            }
        }
        guard command.snapshot == nil || journals else {
            return CommandFailure(.refused, "the model keeps no snapshots")
        }
        commandCount += 1
        self.command = CommandUnderWay(command: command, serial: commandCount)
        if case .unlearn(let unlearning) = command { ask(for: unlearning) }
        if let number = command.snapshot {
            toOwners(.pinSnapshot(command: commandCount, number: number))
            if whole != nil { outputs.append(.pinSnapshot(command: commandCount, number: number)) }
        }
        work(now)
        return nil
    }

    mutating func heardPinned(_ serial: UInt32, _ failure: String?, from owner: Int) {
        guard let command, command.serial == serial, command.number == nil else { return }
        if let failure { return endCommand(CommandFailure(.missing, failure)) }
        self.command?.pinned.insert(owner)
        guard case .pin = command.command, self.command?.pinned.count == identity.owners.count else { return }
        self.command = nil
        outputs.append(.commanded(clock!.version, failure: nil))
    }

    /// Nodes that the command waits for, beside its commit: it cannot go on without them.
    package var commandNeeds: Set<Int> {
        guard let command else { return [] }
        var needed = command.replay?.asked ?? []
        if let next = batchUnderWay { needed.insert(next.node) }
        guard command.command.snapshot != nil, command.number == nil else { return needed }
        for (place, owner) in identity.owners.enumerated() where !command.pinned.contains(place) {
            needed.insert(owner)
        }
        return needed
    }

    /// A node that the command needs has not been reached for long.
    package mutating func abandonCommand(without other: Int) {
        guard commandNeeds.contains(other) else { return }
        endCommand(CommandFailure(.unavailable, "\(names[other]) is not reached"))
    }

    /// Whether the next commit may carry the command out.
    var isCommandReady: Bool {
        guard let command, command.number == nil else { return false }
        guard command.command.snapshot != nil else { return true }
        return command.pinned.count == identity.owners.count && command.replay?.asked.isEmpty ?? true
    }

    /// Whether owners may still be reading the rows of a snapshot, whatever has become of the command.
    var isRestoring: Bool { restoring != nil }

    /// Between two batches: marks the commit of a command that is ready.
    mutating func commitCommand(_ now: Now) -> Bool {
        // One that ended early may have left a restore under way.
        guard isCommandReady, !isRestoring, !clock!.isBetweenCommits,
            clock!.unstableCount < Limits.Group.unstableCommitCountMax
        else { return false }
        var header = header(now)
        switch command!.command {
        case .freeze(let isFrozen): header.standing.isFrozen = isFrozen
        case .rates(let learner, _): (header.standing.learner, header.republishes) = (learner, true)
        case .pin: return false
        case .restore, .unlearn:
            let number = command!.command.snapshot!
            guard let snapshot = pinned?.header, snapshot.number == number else {
                endCommand(
                    CommandFailure(.missing, "the snapshot of commit \(number) is not kept here any more"))
                return false
            }
            (header.restores, header.republishes) = (number, true)
            (header.exampleCount, header.total, header.window) = (
                snapshot.exampleCount, snapshot.total, snapshot.window
            )
            (header.acceptedLately, header.windowMax) = (snapshot.acceptedLately, snapshot.windowMax)
            header.normalization = snapshot.normalization
            // Rates are what operators made them since, not what they were.
            rounds.restore(header)
        }
        command?.number = clock!.number + 1
        standing = header.standing
        followStanding()
        clock!.commit(header, atMilliseconds: now.uptime)
        if header.republishes { lastPublishedVersion = clock!.version }
        if header.restores > 0 { restoring = clock!.number }
        return true
    }

    /// The commit is durable everywhere.
    mutating func endCommand(stable number: UInt64, _ now: Now) {
        if let restored = restoring, restored <= number { restoring = nil }
        guard let command, let marked = command.number, marked <= number else { return }
        if let replay = command.replay {
            if !replay.isRestored { beginReplay(now) }
            guard isReplayOver else { return }
        }
        endTapes()
        self.command = nil
        followStanding()
        outputs.append(.commanded(clock!.version, failure: nil))
        // So that the journal need not reach back to the snapshot for long.
        if command.command.snapshot != nil { beginSnapshot(now) }
    }

    /// The command is not carried out, or nobody knows.
    mutating func endCommand(_ failure: CommandFailure) {
        guard command != nil else { return }
        endTapes()
        command = nil
        followStanding()
        outputs.append(.commanded(clock?.version ?? .zero, failure: failure))
    }

    /// What is frozen takes nothing; what is not does.
    private mutating func followStanding() {
        clock?.frozenReason = standing.isFrozen ? Clock.frozen : nil
        clock?.endReplays()
    }

    // MARK: an owner

    /// Whether this owner has the snapshot, whole, and keeps it.
    package mutating func snapshotPinned(
        _ command: UInt32, _ result: Result<SnapshotFooter, SnapshotFailure>, _ now: Now
    ) {
        guard phase == .open else { return }
        switch result {
        case .success(var footer):
            // Marks stay what they are.
            footer.marks = TrainerMarks()
            pinned = footer
            tell(.snapshotPinned(command: command, failure: nil), now)
        case .failure(let failure):
            tell(.snapshotPinned(command: command, failure: failure.description), now)
        }
    }

    func clampedCount(of header: CommitHeader) throws(ShardOwner.Contradiction) -> Int? {
        guard header.restores > 0 else { return nil }
        guard let pinned, pinned.header.number == header.restores else {
            throw .init("commit \(header.number) restores a snapshot that was not asked for")
        }
        return pinned.clampedCount
    }

    /// Followers need a copy of the commit, when it is stable.
    mutating func republish(_ header: CommitHeader) {
        outputs.append(.voidCopies)
        heldParts.append((header.number, header.version, .beginFeed(header.version)))
        guard header.restores > 0 else { return }
        voidSnapshot()
        load = Load(number: header.number, epoch: epoch, header: header, clampedCount: pinned?.clampedCount ?? 0)
        outputs.append(.load(number: header.restores))
    }

    /// The rows of a snapshot follow, for a commit that restores it.
    package mutating func beginLoad() {
        if whole != nil { whole!.clear() }
        if shard != nil { shard!.clear() }
    }

    /// They are read, or could not be.
    package mutating func endLoad(_ failure: String?, _ now: Now) {
        guard let load else { return }
        self.load = nil
        if let failure { return close("\(names[node]): \(failure)") }
        if whole != nil { whole!.replay(load.header, clampedCount: load.clampedCount, ReadRows()) }
        if shard != nil { shard!.replay(load.header, clampedCount: load.clampedCount, ReadRows()) }
        guard load.isDurable, load.epoch == epoch else { return }
        if whole != nil {
            _ = clock?.durable(load.number, hash: load.header.hash, at: 0, atMilliseconds: now.uptime)
            work(now)
        } else {
            tell(.durable(number: load.number, hash: load.header.hash, clampedCount: load.clampedCount), now)
        }
    }
}
