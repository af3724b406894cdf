internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Foundation
internal import Transport

/// A connection to a node, and its answers as JSON.
struct NodeClient: Sendable {
    let address: Address
    let http: HTTPClient

    static func connect(_ text: String, _ loops: EventLoops) async throws -> NodeClient {
        let address = try Address(text, of: "the node's address")
        do throws(TransportError) {
            return NodeClient(
                address: address, http: try await HTTPClient.connect(host: address.host, port: address.port, on: loops))
        } catch { throw CommandFailure("\(address): no node answers there (\(error))") }
    }

    /// A request whose answer is JSON; an answer that is not 2xx is an error with the node's own words.
    func json(
        _ method: Transport.Method, _ path: String, body: String? = nil, timeout: Duration = .seconds(30)
    ) async throws -> [String: Any] {
        let answer = try await http.request(
            method, path, body: body.map { Bytes(string: $0) }, timeout: timeout)
        // An answer that is not JSON has no fields; its status still counts.
        let object = try? JSONSerialization.jsonObject(with: Data(answer.body.readableBytesView)) as? [String: Any]
        guard (200..<300).contains(answer.status) else {
            throw CommandFailure("\(address)\(path): \(answer.status) \(object?["error"] as? String ?? "")")
        }
        return object ?? [:]
    }
}

/// Threads for a command's connections.
let commandLoops = makeEventLoops(1)

/// A model's name as a path part.
func modelPath(_ text: String) throws -> String {
    guard let name = ModelName(text) else {
        throw CommandFailure("'\(text)' is no model's name: 1 to 64 letters, digits, '_', '-' or '.'")
    }
    return "/v1/models/\(name)"
}
