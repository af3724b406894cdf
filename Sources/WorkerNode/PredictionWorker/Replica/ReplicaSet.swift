package import Domain
package import Transport

/// The models a worker follows, made when a server names them.
package actor ReplicaSet {
    private let loops: PerLoop<LoopModels>
    /// Reads feeds and applies them, giving way to the loops that answer.
    package nonisolated let thread = WorkThread(niceness: Limits.Feed.followingNiceness)
    private var replicas: [ModelName: Replica] = [:]
    /// For status and metrics, from any thread.
    package nonisolated let statuses = Locked<[ModelName: Locked<ReplicaStatus>]>([:])

    package init(_ loops: PerLoop<LoopModels>) { self.loops = loops }

    /// The replica of a model; made when a server first names it.
    package func replica(_ name: ModelName) -> Replica {
        if let replica = replicas[name] { return replica }
        let replica = Replica(name: name, loops: loops, thread: thread, status: status(name))
        replicas[name] = replica
        return replica
    }

    package nonisolated func status(_ name: ModelName) -> Locked<ReplicaStatus> {
        statuses.withLockedValue { statuses in
            if let status = statuses[name] { return status }
            let status = Locked(ReplicaStatus())
            statuses[name] = status
            return status
        }
    }
}
