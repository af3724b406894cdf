internal import NIOCore

/// One value for each event loop, touched only on that loop: state that handlers read without a lock.
package final class PerLoop<Value: AnyObject>: Sendable {
    private let loops: [any EventLoop]
    /// By the place of their loop. Not of `Value`: a generic type's metadata would be looked up for every request.
    private let objects: [NIOLoopBound<AnyObject>]

    /// Makes a value on each loop.
    package init(_ loops: EventLoops, _ make: @escaping @Sendable () -> Value) async {
        self.loops = Array(loops.makeIterator())
        var objects: [NIOLoopBound<AnyObject>] = []
        for loop in self.loops {
            let object = await withCheckedContinuation { continuation in
                loop.execute { continuation.resume(returning: NIOLoopBound(make() as AnyObject, eventLoop: loop)) }
            }
            objects.append(object)
        }
        self.objects = objects
    }

    /// The value of the exchange's loop.
    package subscript(_ exchange: Exchange) -> Value {
        // By place: a loop over the elements would count a reference to each.
        for place in loops.indices where loops[place] === exchange.eventLoop { return value(at: place) }
        preconditionFailure("the exchange is on one of these loops")
    }

    /// Runs `body` on every loop; returns when all have run it. Whatever a loop was doing before is then over.
    package func onEach(_ body: @escaping @Sendable (Value) -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for place in loops.indices {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        self.loops[place].execute {
                            body(self.value(at: place))
                            continuation.resume()
                        }
                    }
                }
            }
        }
    }

    private func value(at place: Int) -> Value {
        guard let value = objects[place].value as? Value else { preconditionFailure("`init` put a Value here") }
        return value
    }
}
