package import Domain
package import Format

/// The owner's side of a member: rows, rounds and parts.
extension GroupMember {
    // MARK: the owner beside the clock

    /// Takes the clock's messages to the owner beside it.
    package mutating func step(_ now: Now) {
        while !inbox.isEmpty, paused == nil {
            let messages = inbox
            inbox = []
            for (place, message) in messages.enumerated() {
                do throws(ShardOwner.Contradiction) { try own(message, now) } catch {
                    close("\(names[node]): \(error)")
                }
                if paused != nil {
                    inbox.insert(contentsOf: messages[(place + 1)...], at: 0)
                    break
                }
            }
        }
    }

    package var hasStep: Bool { !inbox.isEmpty && paused == nil }

    /// Goes on behind a pause: whoever wanted settled rows has seen them.
    package mutating func resume(_ now: Now) {
        wantsPause = false
        guard let told = paused else { return }
        paused = nil
        if let partials = shard?.next(told) { tell(partials, now) }
    }

    package var isPaused: Bool { paused != nil }

    /// The version at which everything that the rows may hold is in: a copy taken now is whole at a publish of it.
    package var settlingVersion: Version {
        switch shard {
        case .some(let shard): shard.settlingVersion
        case .none: learnedVersion
        }
    }

    /// Whether the rows may be read now.
    package var hasSettledRows: Bool {
        guard replaysUnderWay == 0, load == nil else { return false }
        return switch shard {
        case .some(let shard): shard.isSettled
        case .none: true
        }
    }

    /// What this node's rows add to the digest of all weights.
    package var ownDigest: WeightDigest {
        switch whole {
        case .some(let whole): return whole.learner.digest
        case .none: break
        }
        switch shard {
        case .some(let shard): return shard.rows.digest
        case .none: return WeightDigest()
        }
    }

    /// The weights of this owner's rows `range`; behind `hasSettledRows`.
    package func weights(_ range: Range<Int>, into weights: inout [Float]) {
        switch whole {
        case .some(let whole): whole.learner.rows.weights(range, into: &weights)
        case .none: break
        }
        switch shard {
        case .some(let shard): shard.rows.weights(range, into: &weights)
        case .none: break
        }
    }

    /// What the learner keeps of this owner's rows `range`; behind `hasSettledRows`. Shape [range × floats].
    package func state(_ range: Range<Int>) -> [Float] {
        var state = [Float](repeating: 0, count: spec.learner.rowFloatCount * range.count)
        switch whole {
        case .some(let whole): whole.learner.rows.state(range, into: &state)
        case .none: break
        }
        switch shard {
        case .some(let shard): shard.rows.state(range, into: &state)
        case .none: break
        }
        return state
    }

    // MARK: the owner

    mutating func own(_ message: PeerMessage, _ now: Now) throws(ShardOwner.Contradiction) {
        if whole != nil {
            if case .slice(let batch, let slice) = message {
                try whole!.park(slice, of: batch)
                tell(.arrived(batch), now)
            }
            return
        }
        guard shard != nil else { throw .init("it owns no shard of the model") }
        switch message {
        case .slice(let batch, let slice):
            try shard!.park(slice, of: batch)
            tell(.arrived(batch), now)
        case .order(let batch, let version, let window):
            if let partials = try shard!.ordered(batch, version: version, window: window) { tell(partials, now) }
        case .residuals(let told):
            try shard!.settle(told)
            if wantsPause && told.window > 0 {
                paused = told
            } else if let partials = shard!.next(told) {
                tell(partials, now)
            }
        case .commit(let header):
            let entry = try shard!.commit(header, clampedCount: try clampedCount(of: header))
            write(header, entry, now)
        case .stable(let number):
            release(upTo: number)
            noteStable(number)
        case .drop(let batch): shard!.drop(batch)
        case .takeSnapshot: outputs.append(.beginSnapshot)
        case .endSnapshot(let number): endSnapshot(number)
        case .pinSnapshot(let command, let number): outputs.append(.pinSnapshot(command: command, number: number))
        case .publish(let publish):
            let isHeartbeat = shard!.isHeartbeat(publish)
            let part = try shard!.publish(publish)
            heldParts.append((publish.number, part.version, isHeartbeat ? .heartbeat(part) : .part(part)))
            release(upTo: stableNumber)
            if isHeartbeat { writeStable(now) }
            if publish.digestsAllRows { tell(.digest(number: publish.number, ownDigest), now) }
        default: break
        }
    }

    mutating func release(upTo number: UInt64) {
        stableNumber = max(stableNumber, number)
        while let first = heldParts.first, first.number <= stableNumber {
            heldParts.removeFirst()
            outputs.append(first.output)
            releasedVersion = first.version
        }
        keepSnapshotIfStable()
    }

    /// Tells the clock, here or elsewhere.
    mutating func tell(_ message: PeerMessage, _ now: Now) {
        guard isClock else { return send(message, to: clockNode) }
        do throws(ShardOwner.Contradiction) { try heard(message, from: node, now) } catch {
            close("\(names[node]): \(error)")
        }
    }
}
