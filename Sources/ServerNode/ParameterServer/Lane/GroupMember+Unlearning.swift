package import Domain

/// Un-learning: the rows become those of a snapshot, and what was learned since is learned again in its order, without one
/// trainer's batches.
///
///     clock   wantTape ─▶ every intake has the batches ─▶ restore ─▶ offerTape ─▶ learned ─▶ offerTape … ─▶ endTape
///     intake  tapeHeld, or what it lacks               offers the batch again, without its trainer's name
///
/// The model is frozen meanwhile, so nothing else is learned, and a crash leaves it frozen. Marks stay: nothing is learned under
/// a trainer's name.
extension GroupMember {
    package struct Unlearning: Sendable, Equatable {
        /// The commit whose snapshot is restored.
        package var number: UInt64
        /// The hash of the last commit when the batches were listed.
        package var lastHash: UInt64
        package var trainer: ModelName
        /// What was learned since, by anyone, in order.
        package var batches: [BatchID]

        package init(number: UInt64, lastHash: UInt64, trainer: ModelName, batches: [BatchID]) {
            (self.number, self.lastHash, self.trainer, self.batches) = (number, lastHash, trainer, batches)
        }
    }

    /// What of it is done.
    struct Replay {
        /// Nodes that took batches of it, and those of them whose tapes are being looked through.
        let needed: Set<Int>
        var asked: Set<Int>
        /// Batches of the trainer.
        var skipped: Set<BatchID> = []
        /// The batch that is learned next, by its place.
        var next = 0
        /// Whether a batch was asked for and is not learned.
        var isUnderWay = false
        /// Whether the rows are the snapshot's.
        var isRestored = false
    }

    // MARK: the clock

    /// Asks every intake for its part.
    mutating func ask(for unlearning: Unlearning) {
        let byNode = Dictionary(grouping: unlearning.batches) { $0.node }
        command?.replay = Replay(needed: Set(byNode.keys), asked: Set(byNode.keys))
        guard byNode.keys.allSatisfy(names.indices.contains) else {
            return endCommand(CommandFailure(.missing, "a batch came from a node that is gone"))
        }
        for (node, batches) in byNode.sorted(by: { $0.key < $1.key }) {
            if node == self.node {
                outputs.append(.findTape(command: commandCount, of: unlearning.trainer, batches))
            } else {
                send(.wantTape(command: commandCount, of: unlearning.trainer, batches), to: node)
            }
        }
    }

    mutating func heardTape(_ serial: UInt32, _ held: TapeHeld, from node: Int) {
        guard let command, command.serial == serial, let replay = command.replay else { return }
        let isAsked = replay.asked.contains(node)
        guard isAsked || batchUnderWay?.node == node else { return }
        if let problem = held.problem {
            return endCommand(CommandFailure(isAsked ? .missing : .unavailable, "\(names[node]): \(problem)"))
        }
        self.command?.replay?.asked.remove(node)
        self.command?.replay?.skipped.formUnion(held.ofTrainer.lazy.filter { $0.node == node })
    }

    /// Tapes need not keep what this command wanted of them.
    mutating func endTapes() {
        guard let replay = command?.replay else { return }
        for node in replay.needed.sorted() where names.indices.contains(node) {
            if node == self.node { outputs.append(.endTape) } else { send(.endTape, to: node) }
        }
    }

    /// The snapshot is restored everywhere: the first batch.
    mutating func beginReplay(_ now: Now) {
        command?.replay?.isRestored = true
        clock?.takesReplays = true
        offerNextTape(now)
    }

    /// Has the next batch offered, or ends when all are learned.
    mutating func offerNextTape(_ now: Now) {
        guard case .unlearn(let unlearning)? = command?.command, var replay = command?.replay, replay.isRestored else {
            return
        }
        replay.isUnderWay = false
        while replay.next < unlearning.batches.count, replay.skipped.contains(unlearning.batches[replay.next]) {
            replay.next += 1
        }
        defer { command?.replay = replay }
        guard replay.next < unlearning.batches.count else { return }
        let batch = unlearning.batches[replay.next]
        replay.next += 1
        replay.isUnderWay = true
        if batch.node == node {
            outputs.append(.offerTape(command: commandCount, batch))
        } else {
            send(.offerTape(command: commandCount, batch), to: batch.node)
        }
    }

    /// The batch that was asked for and is not learned.
    var batchUnderWay: BatchID? {
        guard case .unlearn(let unlearning)? = command?.command, let replay = command?.replay, replay.isUnderWay else {
            return nil
        }
        return unlearning.batches[replay.next - 1]
    }

    /// All are learned and stable.
    var isReplayOver: Bool {
        guard case .unlearn(let unlearning)? = command?.command, let replay = command?.replay, replay.isRestored,
            let clock
        else { return false }
        return replay.next == unlearning.batches.count && !replay.isUnderWay && !clock.isBetweenCommits
            && clock.stableNumber == clock.number
    }

    /// Batches learned again, of how many.
    package var replayProgress: (done: Int, count: Int)? {
        guard case .unlearn(let unlearning)? = command?.command, let replay = command?.replay else { return nil }
        return (replay.next, unlearning.batches.count)
    }

    // MARK: an intake

    /// This node's tape was looked through.
    package mutating func tapeFound(_ command: UInt32, _ held: TapeHeld, _ now: Now) {
        guard phase == .open else { return }
        guard isClock else { return send(.tapeHeld(command: command, held), to: clockNode) }
        heardTape(command, held, from: node)
        work(now)
    }
}
