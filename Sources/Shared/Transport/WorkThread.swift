internal import Glibc
package import NIOConcurrencyHelpers
package import NIOCore
internal import NIOPosix

/// Bytes on their way to or from a socket; shared, not copied.
package typealias Bytes = NIOCore.ByteBuffer
package typealias EventLoops = any NIOCore.EventLoopGroup

/// A value behind a lock that the thread sanitizer understands.
package typealias Locked = NIOConcurrencyHelpers.NIOLockedValueBox

/// The threads that connections run on: one event loop for each.
///
/// - Parameter niceness: 0 competes with other threads of the machine; up to 19 gives way to them.
package func makeEventLoops(_ count: Int, niceness: Int32 = 0) -> EventLoops {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
    for loop in Array(group.makeIterator()) { giveWay(loop, niceness) }
    return group
}

/// Makes the loop's thread nicer. On Linux 0 names the calling thread; it may always make itself nicer.
func giveWay(_ loop: any EventLoop, _ niceness: Int32) {
    if niceness > 0 { loop.execute { _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, niceness) } }
}

/// One thread that runs what it is given, in order: a model's lane, a follower.
///
/// As a task's preferred executor it runs everything of the task that no actor runs: reading a stream of one of its own
/// `loops` then never changes threads.
package final class WorkThread: TaskExecutor {
    private let loop: any EventLoop
    private let group: MultiThreadedEventLoopGroup

    /// - Parameter niceness: 0 competes with the threads that answer requests; up to 19 gives way to them.
    package init(niceness: Int32 = 0) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        loop = group.next()
        Transport.giveWay(loop, niceness)
    }

    /// The thread as a place for connections.
    package var loops: EventLoops { group }

    /// The thread as an actor's executor. The actor must keep the thread for as long as it lives.
    package var executor: UnownedSerialExecutor { unsafe loop.executor.asUnownedSerialExecutor() }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { [self] in unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// Runs `body` on the thread, after everything given before.
    package func run(_ body: @escaping @Sendable () -> Void) {
        loop.execute(body)
    }

    /// Runs `body` on the thread after a delay, unless the timer is cancelled before.
    @discardableResult
    package func run(after delay: Duration, _ body: @escaping @Sendable () -> Void) -> Timer {
        Timer(scheduled: loop.scheduleTask(in: TimeAmount(delay), body))
    }

    /// Runs `body` on the thread and waits for its answer.
    package func call<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: body()) }
        }
    }

    /// Leaves the core for a moment: long work calls it between its pieces. Niceness alone does not let others in: a
    /// scheduler that owes a nice thread its share lets it run for a tick, 4 ms (docs/SPEED.md, "Tail").
    package static func giveWay() { usleep(50) }

    /// Whether the caller is on the thread.
    package var isCurrent: Bool { loop.inEventLoop }

    /// Stops with a sentence when the caller is on another thread.
    package func precondition(file: StaticString = #fileID, line: UInt = #line) {
        loop.preconditionInEventLoop(file: file, line: line)
    }

    /// The thread ends with its last reference, so that whatever it was given is run.
    deinit { group.shutdownGracefully { _ in } }

    package struct Timer: Sendable {
        let scheduled: Scheduled<Void>
        package func cancel() { scheduled.cancel() }
    }
}
