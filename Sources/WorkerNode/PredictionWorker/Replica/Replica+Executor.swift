internal import Transport

extension Replica {
    /// A replica runs on the following thread, not on the shared pool: it gives way to the loops that answer.
    ///
    /// Unsafe by its type: an executor must outlive its actor. It does, the actor keeps the thread.
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.executor }
}
