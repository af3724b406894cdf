internal import NIOCore

/// One value for each event loop, touched only on that loop: state that handlers read without a lock.
package final class PerLoop<Value: AnyObject>: Sendable {
    private let entries: [Entry]

    private struct Entry: Sendable {
        let loop: any EventLoop
        let value: NIOLoopBound<Value>
    }

    /// Makes a value on each loop.
    package init(_ loops: EventLoops, _ make: @escaping @Sendable () -> Value) async {
        var entries: [Entry] = []
        for loop in loops.makeIterator() {
            let value = await withCheckedContinuation { continuation in
                loop.execute { continuation.resume(returning: NIOLoopBound(make(), eventLoop: loop)) }
            }
            entries.append(Entry(loop: loop, value: value))
        }
        self.entries = entries
    }

    /// The value of the exchange's loop.
    package subscript(_ exchange: Exchange) -> Value {
        for entry in entries where entry.loop === exchange.eventLoop { return entry.value.value }
        preconditionFailure("the exchange is on one of these loops")
    }

    /// Runs `body` on every loop; returns when all have run it. Whatever a loop was doing before is then over.
    package func onEach(_ body: @escaping @Sendable (Value) -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for entry in entries {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        entry.loop.execute {
                            body(entry.value.value)
                            continuation.resume()
                        }
                    }
                }
            }
        }
    }
}
