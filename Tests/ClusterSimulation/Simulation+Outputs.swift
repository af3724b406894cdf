internal import DeltaFeed
internal import Domain
internal import Features
internal import Learning
internal import ParameterServer
internal import Transport

/// What members decided, carried out.
extension Simulation {
    /// Does what a node's member decided.
    func flush(_ place: Int) {
        guard let node = nodes[place] else { return }
        while !node.member.outputs.isEmpty {
            let outputs = node.member.outputs
            node.member.outputs.removeAll(keepingCapacity: true)
            for output in outputs { carryOut(output, node, place) }
        }
        if node.member.isPaused {
            for worker in workers { pump(worker, place) }
            node.takeChunk(time)
            node.member.resume(time)
            if !node.member.outputs.isEmpty { flush(place) }
        }
    }

    func carryOut(_ output: GroupMember.Output, _ node: SimulatedNode, _ place: Int) {
        switch output {
        case .send(let envelope, let to):
            let message = envelope.message
            observe(message, from: place)
            if case .outcome(let batch, let outcome) = message { observe(batch, outcome, from: place) }
            for message in sabotaged(message, node, to) {
                network.send(
                    Envelope(history, epoch: envelope.epoch, message), from: place, to: to, on: .control)
            }
        case .journal(let entry): journal(entry, node, place)
        case .beginSnapshot:
            node.voidSnapshot()
            if Int.random(in: 0..<6, using: &random) == 0 {
                node.member.snapshotFailed(time)
            } else {
                node.beginSnapshot()
            }
        case .endSnapshot(let footer): node.endSnapshot(footer)
        case .keepSnapshot: node.keepSnapshot()
        case .voidSnapshot: node.voidSnapshot()
        case .pinSnapshot(let command, let number): node.pin(number, for: command, time)
        case .load(let number): node.enqueueLoad(number)
        case .voidCopies: node.generation += 1
        case .beginFeed(let version):
            parts.append((version, node))
            if node.ring.version < version { node.ring.begin(at: version) }
        // No operator here un-learns.
        case .commanded, .findTape, .offerTape, .endTape: break
        case .replay(let number, let epoch): node.replay(number, epoch, time)
        case .offerAgain(let batch):
            if let offer = node.pending[batch]?.offer { node.member.offered(offer, time) }
        case .deliver(let batch):
            guard let slices = node.pending[batch]?.slices, !slices.isEmpty else { return }
            let epoch = node.member.epoch
            for (owner, slice) in zip(owners, slices) {
                if owner == place {
                    node.member.received(Envelope(history, epoch: epoch, .slice(batch, slice)), from: place, time)
                } else {
                    network.send(
                        Envelope(history, epoch: epoch, .slice(batch, slice)), from: place, to: owner, on: .bulk)
                }
            }
        case .answer(let batch, let outcome):
            observe(batch, outcome, from: place)
            answered(node.pending.removeValue(forKey: batch), outcome)
        case .part(let part): published(part, node)
        case .heartbeat, .digest: break
        }
    }

    /// What the clock decided of the log is seen where it goes to its disk; the rest of the entry waits there.
    private func journal(_ entry: JournalEntry, _ node: SimulatedNode, _ place: Int) {
        if place == owners[0] {
            switch entry {
            case .cut(_, let number): cut(to: number)
            case .commit(let header, _, _) where owners.count == 1: committed.append(header)
            default: break
            }
        }
        node.appendToSnapshot(entry)
        let isTold = isToldBeforeSync(entry)
        node.journal?.waiting.append((entry, isTold))
        if isTold { node.member.journaled(time) }
    }

    /// Commits above this one are void.
    private func cut(to number: UInt64) {
        committed.removeAll { $0.number > number }
        for header in committed {
            do throws(Oracle.Violation) { try oracle.saw(header, at: "the clock") } catch { violation = error.what }
        }
        committed = []
        oracle.cut(to: number)
    }

    func published(_ part: FeedPart<Bytes>, _ node: SimulatedNode) {
        parts.append((part.version, node))
        node.ring.append(part)
    }

    /// What the clock says in messages, and alone by its answers.
    func observe(_ message: PeerMessage, from place: Int) {
        switch message {
        case .commit(var header):
            guard place == owners[0], header.number > (committed.last?.number ?? UInt64(oracle.headers.count)) else {
                return
            }
            if sabotage == .forgetsNames {
                for k in header.batches.indices { header.batches[k].name = forgotten[header.batches[k].id] }
            }
            committed.append(header)
        default: break
        }
    }

    func observe(_ batch: BatchID, _ outcome: BatchOutcome, from place: Int) {
        guard owners == [place], !journals, case .learned(let version, _) = outcome else { return }
        guard let sender = nodes[batch.node]?.pending[batch] ?? lostSenders[batch] else { return }
        let trainer = trainers[sender.trainer]
        let name = Offer.Name(trainer: trainer.name, sequence: sender.sequence, digest: 0)
        let count = trainer.batches[Int(sender.sequence) - 1].exampleCount
        var header = emptyHeader
        header.number = (committed.last?.number ?? UInt64(oracle.headers.count)) + 1
        (header.version, header.exampleCount) = (version, version.rawValue)
        header.batches = [CommitHeader.Batch(id: batch, name: name, exampleCount: count)]
        committed.append(header)
    }

    var emptyHeader: CommitHeader {
        var header = CommitHeader(
            history: history, epoch: 1, number: 0, previousHash: 0, stableNumber: 0, version: .zero, exampleCount: 0,
            acceptedLately: 0, windowMax: 8, fingerprint: spec.fingerprint, atMilliseconds: 0, publishedVersion: .zero,
            total: Validation.Sums(), window: Validation.Sums(), batches: [])
        header.standing = Standing(spec.learner)
        return header
    }

    func answered(_ pending: SimulatedNode.Pending?, _ outcome: BatchOutcome) {
        guard let pending else { return }
        let trainer = trainers[pending.trainer].name
        switch outcome {
        case .learned(let version, _), .duplicate(let version, _):
            acknowledgements.append((Oracle.Name(trainer: trainer, sequence: pending.sequence), version))
            trainers[pending.trainer].acknowledge(pending.sequence)
        case .gap, .refused: trainers[pending.trainer].refused(pending.sequence)
        case .conflict: violation = "\(trainer) \(pending.sequence) is a conflict"
        }
    }
}
