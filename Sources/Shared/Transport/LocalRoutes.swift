internal import Domain
internal import HTTP2
package import NIOCore

/// A node's routes, asked by another part of the same process: the same exchanges, held back in the same way, without a socket and
/// without a byte framed. For reads, which have no body.
package struct LocalRoutes: Sendable {
    private let router: Router
    private let loops: EventLoops

    /// - Parameters:
    ///   - router: answers without a token.
    ///   - loops: where its handlers run.
    package init(_ router: Router, loops: EventLoops) {
        self.router = router
        self.loops = loops
    }

    /// Asks for a path; the answer's body comes as it is read.
    package func open(_ path: String) async -> LocalStream {
        let (router, loop) = (router, loops.next())
        return await withCheckedContinuation { continuation in
            loop.execute {
                let link = LocalLink(path, router: router, eventLoop: loop)
                continuation.resume(returning: LocalStream(NIOLoopBound(link, eventLoop: loop), loop))
            }
        }
    }
}

/// The answer to a local request. Dropping the last reference cancels it.
package final class LocalStream: Sendable {
    private let link: NIOLoopBound<LocalLink>
    private let eventLoop: any EventLoop

    fileprivate init(_ link: NIOLoopBound<LocalLink>, _ eventLoop: any EventLoop) {
        self.link = link
        self.eventLoop = eventLoop
    }

    deinit { cancel() }

    /// The answer's status; 0 while there is none.
    package var status: Int {
        get async {
            let link = link
            return await withCheckedContinuation { continuation in
                eventLoop.execute { continuation.resume(returning: link.value.status) }
            }
        }
    }

    /// The next piece of the body, or nil at its end, or when the task was cancelled. One reader.
    package func next() async -> ByteBuffer? {
        let link = link
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                eventLoop.execute { link.value.read { continuation.resume(returning: $0) } }
            }
        } onCancel: {
            cancel()
        }
    }

    package func cancel() {
        let link = link
        eventLoop.execute { link.value.cancel() }
    }
}

/// What stands for a connection to the exchange of a local request. Lives on its event loop.
final class LocalLink {
    private(set) var status = 0
    private let exchange: Exchange
    private var reader: ((ByteBuffer?) -> Void)?
    private var isOver = false

    init(_ path: String, router: Router, eventLoop: any EventLoop) {
        let headers = HeaderBlock()
        let isComplete = headers.append(name: ":method", value: "GET") && headers.append(name: ":path", value: path)
        exchange = Exchange(headers: headers, index: 0, eventLoop: eventLoop, link: .none)
        exchange.attach(self)
        exchange.begin()
        guard isComplete else {
            exchange.fail(status: 431, "The header fields are too large.")
            return
        }
        var cache = RouteCache()
        exchange.open(router, &cache)
        exchange.requestEnded()
    }

    /// The answer has begun.
    func send(_ status: Int) {
        self.status = status
        outputChanged()
    }

    /// Hands what is queued to whoever waits for it.
    func outputChanged() {
        guard let reader else { return }
        if let chunk = exchange.outgoing.popChunk() {
            self.reader = nil
            reader(chunk)
            if exchange.isAlive, exchange.takeDrained() { exchange.onDrained?() }
        } else if exchange.outgoing.hasEnded || isOver {
            self.reader = nil
            reader(nil)
            cancel()
        }
    }

    func read(_ reader: @escaping (ByteBuffer?) -> Void) {
        self.reader = reader
        outputChanged()
    }

    func cancel() {
        isOver = true
        if exchange.isAlive { exchange.cancelled() }
        exchange.detach()
        outputChanged()
    }
}
