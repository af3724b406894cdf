internal import Dispatch
internal import Glibc

/// SIGTERM and SIGINT, as something to wait for.
package enum TerminationSignal {
    /// Returns when the process is asked to end. A second signal ends it at once.
    package static func wait() async {
        let numbers = [SIGTERM, SIGINT]
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        for await _ in stream { break }
        for source in sources { source.cancel() }
        for number in numbers { signal(number, SIG_DFL) }
    }
}
