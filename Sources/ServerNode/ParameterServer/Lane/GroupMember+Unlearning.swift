package import Domain

/// Un-learning: the rows become those of a snapshot, and what was learned since is learned again in its order, without one
/// trainer's batches.
///
///     clock   wantTape ─▶ every intake has the batches ─▶ restore ─▶ offerTape ─▶ learned ─▶ offerTape … ─▶ over
///     intake  tapeHeld, or what it lacks               offers the batch again, without its trainer's name
///
/// The model is frozen meanwhile, so nothing else is learned, and a crash leaves it frozen. Marks stay: nothing is learned under
/// a trainer's name.
extension GroupMember {
    package struct Unlearning: Sendable, Equatable {
        /// The commit whose snapshot is restored.
        package var number: UInt64
        package var trainer: ModelName
        /// What was learned since, by anyone, in order.
        package var batches: [BatchID]

        package init(number: UInt64, trainer: ModelName, batches: [BatchID]) {
            (self.number, self.trainer, self.batches) = (number, trainer, batches)
        }
    }

    /// What of it is done.
    struct Replay {
        /// Nodes whose tapes are being looked through.
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
        command?.replay = Replay(asked: Set(byNode.keys))
        for (node, batches) in byNode.sorted(by: { $0.key < $1.key }) {
            guard names.indices.contains(node) else { return endCommand("a batch came from a node that is gone") }
            if node == self.node {
                outputs.append(.findTape(of: unlearning.trainer, batches))
            } else {
                send(.wantTape(of: unlearning.trainer, batches), to: node)
            }
        }
    }

    mutating func heardTape(_ held: TapeHeld, from node: Int, _ now: Now) {
        guard command?.replay != nil else { return }
        if let problem = held.problem { return endCommand("\(names[node]): \(problem)") }
        command?.replay?.asked.remove(node)
        command?.replay?.skipped.formUnion(held.ofTrainer)
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
        if batch.node == node { outputs.append(.offerTape(batch)) } else { send(.offerTape(batch), to: batch.node) }
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
    package mutating func tapeFound(_ held: TapeHeld, _ now: Now) {
        guard phase == .open else { return }
        guard isClock else { return send(.tapeHeld(held), to: clockNode) }
        heardTape(held, from: node, now)
        work(now)
    }
}
