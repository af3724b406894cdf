package import Domain
internal import Transport

/// Un-learning: what the clock's node finds out before it, and what a tape does for it.
extension ModelLane {
    /// Learns again what was learned since a version, without one trainer's batches.
    ///
    /// The model is frozen meanwhile; a snapshot of what it was is kept before anything changes.
    package func unlearn(_ trainer: ModelName, since version: Version) async throws(CommandFailure) -> Version {
        guard let tape else {
            throw CommandFailure(
                .refused, "\(names[node]) keeps no tape; give its nodes room for one with 'tape_mebibytes'")
        }
        let kept = snapshots?.names(history) ?? []
        guard let snapshot = kept.first(where: { $0.version <= version }) else {
            let oldest = kept.last.map { "the oldest that is kept is of \($0.version)" } ?? "there is none yet"
            throw CommandFailure(.missing, "no snapshot of version \(version) or before is kept; \(oldest)")
        }
        let wasFrozen = status.withLockedValue { $0.standing.isFrozen }
        _ = try await command(.pin(number: snapshot.number))
        _ = try await command(.freeze(true))
        let before: Version
        let unlearning: GroupMember.Unlearning
        do throws(CommandFailure) {
            before = try await takeSnapshot()
            let batches = try await learned(since: snapshot.number, tape)
            unlearning = GroupMember.Unlearning(number: snapshot.number, trainer: trainer, batches: batches)
        } catch {
            if !wasFrozen { _ = try await command(.freeze(false)) }
            throw error
        }
        let position = status.withLockedValue { $0.version }
        do throws(CommandFailure) { _ = try await command(.unlearn(unlearning)) } catch {
            guard status.withLockedValue({ $0.version }) == position, closedReason.withLockedValue({ $0 }) == nil else {
                throw CommandFailure(
                    .unavailable,
                    "un-learning was interrupted: \(error). The model is frozen as it stands; roll it back to \(before), as it "
                        + "was before, and begin again")
            }
            if !wasFrozen { _ = try await command(.freeze(false)) }
            throw error
        }
        return try await wasFrozen ? status.withLockedValue { $0.version } : command(.freeze(false))
    }

    /// The batches that the model's weights have learned since a commit, in order.
    private func learned(since first: UInt64, _ tape: Tape) async throws(CommandFailure) -> [BatchID] {
        let (last, lastHash) = await thread.call { (self.member.clock?.number ?? 0, self.member.clock?.hash ?? 0) }
        let headers: [UInt64: CommitHeader]
        do { headers = try await tape.headers(history) } catch {
            throw CommandFailure(.unavailable, "the tape of \(names[node]) cannot be read: \(error)")
        }
        // The chain of hashes tells which headers were, and that none is missing.
        var (chain, hash): ([UInt64: CommitHeader], UInt64) = ([:], lastHash)
        for number in stride(from: last, to: first, by: -1) {
            guard let header = headers[hash], header.number == number else {
                throw CommandFailure(
                    .missing,
                    "the tape of \(names[node]) begins behind commit \(number): it does not reach back to the snapshot of commit "
                        + "\(first)")
            }
            (chain[number], hash) = (header, header.previousHash)
        }
        var (batches, number): ([BatchID], UInt64) = ([], last)
        while number > first, let header = chain[number] {
            guard !header.republishes || header.restores > 0 else {
                throw CommandFailure(
                    .refused,
                    "the learner's rates were changed since; un-learn since a version behind that of commit \(number)")
            }
            batches += header.batches.reversed().map(\.id)
            // What was taken back is not learned.
            number = header.restores > 0 ? header.restores : number - 1
        }
        guard number == first else {
            throw CommandFailure(
                .refused, "the model was rolled back to commit \(number) since, before the snapshot of commit \(first)")
        }
        return batches.reversed()
    }

    // MARK: an intake

    /// Looks the batches up on this node's tape.
    func findTape(_ trainer: ModelName, _ batches: [BatchID]) {
        tapePlaces = [:]
        tapeBody = OfferedBody()
        guard let tape else { return tellTape(TapeHeld(problem: "it keeps no tape")) }
        Task {
            do {
                let finding = try await tape.find(history, batches, of: trainer)
                let missing = batches.count - finding.places.count
                thread.run {
                    self.tapePlaces = finding.places
                    self.tellTape(
                        TapeHeld(
                            ofTrainer: finding.ofTrainer,
                            problem: missing == 0
                                ? nil : "its tape lacks \(missing) of the \(batches.count) batches that it took since"))
                }
            } catch {
                thread.run { self.tellTape(TapeHeld(problem: "its tape cannot be read: \(error)")) }
            }
        }
    }

    private func tellTape(_ held: TapeHeld) {
        thread.run {
            self.member.tapeFound(held, self.now)
            self.flush()
        }
    }

    /// Offers a batch of the tape again. It stands on the tape once more, under its new number and its trainer's name.
    func offerTape(_ batch: BatchID) {
        guard let tape, let place = tapePlaces[batch] else {
            return tellTape(TapeHeld(problem: "a batch is not on its tape any more"))
        }
        do {
            guard let (trainer, examples) = try tape.read(place) else {
                return tellTape(TapeHeld(problem: "a batch of its tape is damaged"))
            }
            let offer = Offer(
                name: nil, body: tapeBody, batch: examples, byteCount: place.range.count,
                refusedAfter: .now + Limits.Group.answerWait
            ) { outcome, _ in
                if case .refused(let reason) = outcome {
                    self.tellTape(TapeHeld(problem: "a batch was refused: \(reason)"))
                }
            }
            let pending = newPending(offer, isReplay: true)
            tape.append(history, .batch(pending.batch, trainer: trainer, examples))
            queuedByteCount.withLockedValue { $0 += offer.byteCount }
            self.pending[pending.batch] = pending
            member.offered(pending.batchOffer, now)
            // The caller carries out what the member decides.
        } catch { tellTape(TapeHeld(problem: "its tape cannot be read: \(error)")) }
    }
}
