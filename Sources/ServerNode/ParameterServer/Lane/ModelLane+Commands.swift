package import Domain
internal import Logging
internal import Transport

/// A command that was not carried out.
package struct CommandFailure: Error, CustomStringConvertible {
    package enum Kind: Sendable {
        /// It is not what such a command may say.
        case invalid
        /// What it asks for is not there.
        case missing
        /// It can never be carried out on this model.
        case refused
        /// Not now.
        case unavailable
    }
    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }
}

/// Someone who waits for a snapshot of a commit, or of a later one.
struct SnapshotWaiter {
    var number: UInt64
    var told: @Sendable (SnapshotFolder.Name?) -> Void
}

/// A snapshot that this node keeps.
package struct KeptSnapshot: Sendable {
    package var number: UInt64
    package var version: Version
    package var exampleCount: UInt64
    /// When its last commit was marked, milliseconds since 1970.
    package var atMilliseconds: UInt64
}

/// What operators command, at the clock's node.
extension ModelLane {
    /// Carries out a command; the version that has it, durable on every owner.
    package func command(_ command: GroupMember.Command) async throws(CommandFailure) -> Version {
        let result = await withCheckedContinuation { continuation in
            thread.run {
                guard self.commandWaiter == nil else {
                    return continuation.resume(
                        returning: Result<Version, CommandFailure>.failure(
                            CommandFailure(.unavailable, "another command of the model is under way")))
                }
                self.commandWaiter = { version, failure in
                    self.log.info(
                        "an operator's command",
                        metadata: [
                            "command": "\(command.words)", "version": "\(version)",
                            "failed": "\(failure?.description ?? "no")",
                        ])
                    continuation.resume(returning: failure.map { .failure($0) } ?? .success(version))
                }
                if let reason = self.member.begin(command, self.now) { self.commanded(.zero, reason) }
                self.flush()
            }
        }
        return try result.get()
    }

    func commanded(_ version: Version, _ failure: CommandFailure?) {
        guard let told = commandWaiter else { return }
        commandWaiter = nil
        told(version, failure)
    }

    /// A command does not wait for ever for a node that is gone: nothing else could be commanded meanwhile.
    func abandonStalledCommand() {
        guard let links, let lost = member.commandNeeds.first(where: { $0 != node && !links.isUp($0) }) else {
            commandStalledAt = nil
            return
        }
        let since = commandStalledAt ?? now.uptime
        commandStalledAt = since
        if now.uptime - since >= UInt64(Limits.Group.commandStallMax.seconds * 1000) {
            member.abandonCommand(without: lost)
        }
    }

    /// Makes the model what it was at a version whose snapshot is kept. Versions go on rising.
    package func rollBack(to version: Version) async throws(CommandFailure) -> Version {
        let kept = snapshots?.names(history) ?? []
        guard let name = kept.first(where: { $0.version == version }) else {
            let versions = kept.map { "\($0.version)" }.joined(separator: ", ")
            throw CommandFailure(
                .missing,
                "no snapshot of version \(version) is kept; "
                    + (versions.isEmpty ? "there is none yet" : "kept are those of \(versions)"))
        }
        return try await command(.restore(number: name.number))
    }

    /// The snapshots that can be rolled back to, the newest first.
    package func keptSnapshots() async -> [KeptSnapshot] {
        guard let snapshots else { return [] }
        let history = history
        return await snapshots.thread.call {
            snapshots.names(history).compactMap { name in
                // One that cannot be read is none; who rolls back to it is told why.
                guard let header = try? snapshots.footer(history, name).header else { return nil }
                return KeptSnapshot(
                    number: name.number, version: name.version, exampleCount: header.exampleCount,
                    atMilliseconds: header.atMilliseconds)
            }
        }
    }

    /// Takes a snapshot now; answers when it is kept on this node.
    package func takeSnapshot() async throws(CommandFailure) -> SnapshotFolder.Name {
        let result: Result<SnapshotFolder.Name?, CommandFailure> = await withCheckedContinuation { continuation in
            thread.run {
                do throws(CommandFailure) {
                    defer { self.flush() }
                    // What is learned now is in it, also where another is being kept.
                    let wanted = self.member.nextCommitNumber
                    let isUnderWay = try self.member.takeSnapshotSoon(self.now)
                    if !isUnderWay, wanted == 0 || self.newestSnapshot?.number ?? 0 >= wanted {
                        return continuation.resume(returning: .success(self.newestSnapshot))
                    }
                    self.snapshotWaiters.append(
                        SnapshotWaiter(number: wanted) { continuation.resume(returning: .success($0)) })
                } catch { continuation.resume(returning: .failure(error)) }
            }
        }
        guard let name = try result.get() else {
            throw CommandFailure(
                .unavailable,
                "no snapshot was taken: nothing was learned yet, the disk failed, or an owner restarted meanwhile")
        }
        return name
    }

    func tellSnapshot(_ name: SnapshotFolder.Name?) {
        let waiters = snapshotWaiters
        snapshotWaiters = []
        for waiter in waiters {
            if let name, name.number < waiter.number { snapshotWaiters.append(waiter) } else { waiter.told(name) }
        }
        guard !snapshotWaiters.isEmpty else { return }
        do throws(CommandFailure) {
            // If none is under way or being kept, nothing more comes for these.
            _ = try member.takeSnapshotSoon(now)
        } catch {
            let rest = snapshotWaiters
            snapshotWaiters = []
            for waiter in rest { waiter.told(nil) }
        }
    }
}
