internal import Configuration
internal import Domain
internal import Transport

/// Passes a request about a model on to the node of its clock, so that any node may be asked.
struct Forwarding: Sendable {
    let loops: EventLoops
    /// Says that a request was passed on, so that it is passed on once.
    private static let mark = "sluice-forwarded"

    /// Answers as the node at `address` answers.
    func pass(_ exchange: Exchange, body: Bytes?, to name: String, at address: Address, wait: Duration) {
        guard exchange.header("sluice-forwarded") == nil else {
            return exchange.fail(status: 502, "two nodes pass this request to each other: their cluster files differ")
        }
        let (remote, method, path) = (exchange.remote, exchange.method, exchange.target)
        let loops = loops
        Task {
            do throws(TransportError) {
                let client = try await HTTPClient.connect(host: address.host, port: address.port, on: loops)
                let answer: HTTPResponse
                do throws(TransportError) {
                    answer = try await client.request(
                        method, path, headers: [(Self.mark, "1")], body: body, timeout: wait)
                } catch {
                    await client.close()
                    throw error
                }
                await client.close()
                let retry = answer.headers.filter { $0.0 == "retry-after" }
                remote.onLoop {
                    $0.respond(
                        status: answer.status, contentType: "application/json", headers: retry, body: answer.body)
                }
            } catch {
                let reason = "\(name), where the model's clock is, does not answer: \(error)"
                remote.onLoop {
                    $0.fail(
                        status: 503, reason, headers: [("retry-after", String(Limits.Training.retryAfterSeconds))])
                }
            }
        }
    }
}
