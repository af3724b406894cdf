package import Domain
internal import Transport

/// Where the batches of an un-learning stand on this node's tape, and the body they are offered in.
struct HeldTape {
    var command: UInt32 = 0
    var places: [BatchID: TapePlace] = [:]
    var body = OfferedBody()
}

/// Un-learning: what the clock's node finds out before it, and what a tape does for it.
extension ModelLane {
    /// Learns again what was learned since a version, without one trainer's batches.
    ///
    /// The model is frozen meanwhile; a snapshot of what it was is kept before anything changes.
    ///
    /// - Returns: the version that has it, and the one that it was before.
    package func unlearn(
        _ trainer: ModelName, since version: Version
    ) async throws(CommandFailure) -> (version: Version, before: Version) {
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
        let before: SnapshotFolder.Name
        let unlearning: GroupMember.Unlearning
        do throws(CommandFailure) {
            _ = try await command(.freeze(true))
            before = try await takeSnapshot()
            // Every owner has it, whole.
            _ = try await command(.pin(number: before.number))
            unlearning = try await learned(since: snapshot.number, without: trainer, tape)
        } catch { throw await givenUp(error, wasFrozen: wasFrozen) }
        let position = status.withLockedValue { $0.version }
        do throws(CommandFailure) { _ = try await command(.unlearn(unlearning)) } catch {
            guard status.withLockedValue({ $0.version }) == position, closedReason.withLockedValue({ $0 }) == nil else {
                throw CommandFailure(
                    .unavailable,
                    "un-learning was interrupted: \(error). The model is frozen as it stands; roll it back to "
                        + "\(before.version), as it was before, and begin again")
            }
            throw await givenUp(error, wasFrozen: wasFrozen)
        }
        let version = try await wasFrozen ? status.withLockedValue { $0.version } : command(.freeze(false))
        return (version, before.version)
    }

    /// Nothing was changed: the model learns on, unless it did not before.
    private func givenUp(_ failure: CommandFailure, wasFrozen: Bool) async -> CommandFailure {
        guard !wasFrozen else { return failure }
        do throws(CommandFailure) {
            _ = try await command(.freeze(false))
            return failure
        } catch {
            return CommandFailure(
                failure.kind, "\(failure); nothing was changed, but the model is still frozen: \(error)")
        }
    }

    /// The batches that the model's weights have learned since a commit, in order.
    private func learned(
        since first: UInt64, without trainer: ModelName, _ tape: Tape
    ) async throws(CommandFailure) -> GroupMember.Unlearning {
        let (last, lastHash, learner) = await thread.call {
            (self.member.clock?.number ?? 0, self.member.clock?.hash ?? 0, self.member.standing.learner)
        }
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
            guard header.batches.isEmpty || header.standing.learner == learner else {
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
        guard batches.count <= Limits.Tape.batchCountMax else {
            throw CommandFailure(
                .refused,
                "\(batches.count) batches were learned since, and at most \(Limits.Tape.batchCountMax) can be learned again; "
                    + "un-learn since a later version")
        }
        return GroupMember.Unlearning(
            number: first, lastHash: lastHash, trainer: trainer, batches: batches.reversed())
    }

    // MARK: an intake

    /// Looks the batches up on this node's tape.
    func findTape(_ trainer: ModelName, _ batches: [BatchID], for command: UInt32) {
        endTape()
        held.command = command
        guard let tape else { return tellTape(command, TapeHeld(problem: "it keeps no tape")) }
        tape.find(history, batches, of: trainer) { result in
            self.thread.run {
                // Else its command has ended meanwhile.
                guard self.held.command == command else { return }
                switch result {
                case .success(let finding):
                    let missing = batches.count - finding.places.count
                    self.held = HeldTape(command: command, places: finding.places)
                    self.tellTape(
                        command,
                        TapeHeld(
                            ofTrainer: finding.ofTrainer,
                            problem: missing == 0
                                ? nil : "its tape lacks \(missing) of the \(batches.count) batches that it took since"))
                case .failure(let error):
                    self.tellTape(command, TapeHeld(problem: "its tape cannot be read: \(error)"))
                }
            }
        }
    }

    /// What the tape kept for an un-learning may go.
    func endTape() {
        held = HeldTape()
        tape?.release(history)
    }

    private func tellTape(_ command: UInt32, _ held: TapeHeld) {
        thread.run {
            self.member.tapeFound(command, held, self.now)
            self.flush()
        }
    }

    /// Offers a batch of the tape again. It stands on the tape once more, under its new number and its trainer's name.
    func offerTape(_ batch: BatchID, for command: UInt32) {
        guard let tape, held.command == command, let place = held.places[batch] else {
            return tellTape(command, TapeHeld(problem: "a batch is not on its tape any more"))
        }
        do {
            guard let (trainer, examples) = try tape.read(place) else {
                return tellTape(command, TapeHeld(problem: "a batch of its tape is damaged"))
            }
            let offer = Offer(
                name: nil, body: held.body, batch: examples, byteCount: place.range.count, isFollowed: true,
                refusedAfter: .now + Limits.Group.answerWait
            ) { outcome, _ in
                if case .refused(let reason) = outcome {
                    self.tellTape(command, TapeHeld(problem: "a batch was refused: \(reason)"))
                }
            }
            let pending = newPending(offer, isReplay: true)
            tape.append(history, .batch(pending.batch, trainer: trainer, examples))
            queuedByteCount.withLockedValue { $0 += offer.byteCount }
            self.pending[pending.batch] = pending
            member.offered(pending.batchOffer, now)
            // The caller carries out what the member decides.
        } catch { tellTape(command, TapeHeld(problem: "its tape cannot be read: \(error)")) }
    }
}
