internal import NIOCore

/// A loop and what belongs to it. Not generic: a generic type's metadata would be looked up for every request.
private struct LoopEntry: Sendable {
    let loop: any EventLoop
    let object: NIOLoopBound<AnyObject>
}

/// One value for each event loop, touched only on that loop: state that handlers read without a lock.
package final class PerLoop<Value: AnyObject>: Sendable {
    private let entries: [LoopEntry]

    /// Makes a value on each loop.
    package init(_ loops: EventLoops, _ make: @escaping @Sendable () -> Value) async {
        var entries: [LoopEntry] = []
        for loop in loops.makeIterator() {
            let value = await withCheckedContinuation { continuation in
                loop.execute { continuation.resume(returning: NIOLoopBound(make() as AnyObject, eventLoop: loop)) }
            }
            entries.append(LoopEntry(loop: loop, object: value))
        }
        self.entries = entries
    }

    /// The value of the exchange's loop.
    package subscript(_ exchange: Exchange) -> Value {
        for entry in entries where entry.loop === exchange.eventLoop { return value(of: entry) }
        preconditionFailure("the exchange is on one of these loops")
    }

    /// Runs `body` on every loop; returns when all have run it. Whatever a loop was doing before is then over.
    package func onEach(_ body: @escaping @Sendable (Value) -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for entry in entries {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        entry.loop.execute {
                            body(self.value(of: entry))
                            continuation.resume()
                        }
                    }
                }
            }
        }
    }

    private func value(of entry: LoopEntry) -> Value {
        guard let value = entry.object.value as? Value else { preconditionFailure("`init` put a Value here") }
        return value
    }
}
