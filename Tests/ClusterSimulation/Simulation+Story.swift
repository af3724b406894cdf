internal import ParameterServer

/// For whoever looks into a seed.
extension Simulation {
    func tell(_ envelope: Envelope, from other: Int, at place: Int) {
        let message = String(describing: envelope.message)
            .replacing("ParameterServer.", with: "").prefix(100)
        print("\(steps) \(names[other]) → \(names[place]), epoch \(envelope.epoch): \(message)")
    }

    /// Where everything stands.
    package var story: String {
        var lines = [
            "\(steps) steps; \(journals ? "journals" : "no journals"); owners \(owners); \(faultsLeft) faults left; "
                + "down \(down.sorted()); \(oracle.headers.count) commits, version \(oracle.version)"
        ]
        for place in nodes.indices { lines.append("\(names[place]): \(standing(of: place))") }
        for trainer in trainers {
            lines.append("\(trainer.name): \(trainer.acknowledged.sorted()) of \(trainer.batches.count) acknowledged")
        }
        for worker in workers {
            lines.append("a worker shows \(worker.shown.map { "\($0.version)" } ?? "nothing")")
            for owner in owners.indices { lines.append("  of \(names[owners[owner]]): \(worker.standing(of: owner))") }
        }
        return lines.joined(separator: "\n")
    }

    private func standing(of place: Int) -> String {
        guard let node = nodes[place] else { return "not there" }
        return "epoch \(node.member.epoch) \(node.member.phase), commit \(node.member.log.number), stable "
            + "\(node.member.log.stableNumber), learned \(node.member.learnedVersion), "
            + "\(node.pending.count) batches pending, \(node.journal?.waiting.count ?? 0) entries unwritten"
            + (node.member.waitsFor.map { ", waits for \($0)" } ?? "")
    }
}
