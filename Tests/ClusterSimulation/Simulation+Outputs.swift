internal import DeltaFeed
internal import Domain
internal import Features
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
            node.member.resume(time)
            if !node.member.outputs.isEmpty { flush(place) }
        }
    }

    func carryOut(_ output: GroupMember.Output, _ node: SimulatedNode, _ place: Int) {
        switch output {
        case .send(let message, let to):
            observe(message, from: place)
            if case .outcome(let batch, let outcome) = message { observe(batch, outcome, from: place) }
            for message in sabotaged(message, node, to) {
                network.send(Envelope(history, message), from: place, to: to, on: .control)
            }
        case .deliver(let batch):
            guard let slices = node.pending[batch]?.slices, !slices.isEmpty else { return }
            node.pending[batch]?.slices = []
            for (owner, slice) in zip(owners, slices) {
                if owner == place {
                    node.member.received(.slice(batch, slice), from: place, time)
                } else {
                    network.send(Envelope(history, .slice(batch, slice)), from: place, to: owner, on: .bulk)
                }
            }
        case .answer(let batch, let outcome):
            observe(batch, outcome, from: place)
            answered(node.pending.removeValue(forKey: batch), outcome)
        case .part(let part): published(part, node)
        case .heartbeat, .digest: break
        }
    }

    func published(_ part: FeedPart<Bytes>, _ node: SimulatedNode) {
        parts.append((part.version, node))
        node.ring.append(part)
    }

    /// What the clock says in messages, and alone by its answers.
    func observe(_ message: PeerMessage, from place: Int) {
        switch message {
        case .order(let batch, _, _): lastOrdered = batch
        case .commit(var header):
            guard place == owners[0], header.number > (committed.last?.number ?? UInt64(oracle.headers.count)) else {
                return
            }
            if sabotage == .forgetsNames, let lastOrdered { header.batches[0].name = forgotten[lastOrdered] }
            committed.append(header)
        default: break
        }
    }

    func observe(_ batch: BatchID, _ outcome: BatchOutcome, from place: Int) {
        guard owners == [place], case .learned(let version, _) = outcome else { return }
        guard let sender = nodes[batch.node]?.pending[batch] ?? lostSenders[batch] else { return }
        let trainer = trainers[sender.trainer]
        let name = Offer.Name(trainer: trainer.name, sequence: sender.sequence, digest: 0)
        let count = trainer.batches[Int(sender.sequence) - 1].exampleCount
        committed.append(
            CommitHeader(
                history: history, number: (committed.last?.number ?? UInt64(oracle.headers.count)) + 1, previousHash: 0,
                stableNumber: 0, version: version, exampleCount: version.rawValue, acceptedLately: 0, windowMax: 0,
                fingerprint: spec.fingerprint, batches: [CommitHeader.Batch(name: name, exampleCount: count)]))
    }

    func answered(_ pending: (trainer: Int, sequence: UInt64, slices: [ExampleBatch])?, _ outcome: BatchOutcome) {
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
