internal import Configuration
internal import Domain
internal import Files
internal import Foundation
internal import PredictionWorker
internal import Scoring
internal import SystemPackage
internal import Testing
internal import Transport

@Suite("Saved models are read again when they change, without a pause")
struct SavedModelsTests {
    private func save(_ version: UInt64, weight: Float, to folder: FilePath) throws {
        var spec = ModelSpec()
        spec.bits = 8
        let table = WeightTable(indexCount: 256)
        let indices = (0..<256).map { UInt32($0) }
        table.set(indices.span, [Float](repeating: weight, count: 256).span)
        try ServableModel(
            spec: spec, history: History(1), version: Version(version), watermarkMilliseconds: 1, table: table
        ).save(to: folder)
    }

    private func margin(_ client: HTTPClient, _ name: String) async throws -> String? {
        let answer = try await client.request(
            .post, "/v1/score",
            body: Bytes(string: #"{"models":["\#(name)"],"examples":["|a b"],"outputs":["margin"]}"#),
            timeout: .seconds(10))
        guard answer.status == 200 else { return nil }
        return String(buffer: answer.body).split(separator: "\"margin\":").last.map(String.init)
    }

    /// Asks until the margin is the one wanted; every answer on the way must be one of those known.
    private func wait(_ client: HTTPClient, _ name: String, for wanted: String?, known: [String?]) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            let found = try await margin(client, name)
            #expect(known.contains(found), "\(found ?? "nothing")")
            if found == wanted { return }
            // What reads the file gives way to what answers: do not ask without a pause.
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("the margin never was \(wanted ?? "none")")
    }

    @Test("a newer file is shown, a damaged or vanished one changes nothing, a new folder is a new model")
    func reload() async throws {
        let folder = FilePath("/tmp/sluice-test-\(UInt64.random(in: 0...UInt64.max))")
        try makeFolders(folder)
        defer { try? FileManager.default.removeItem(atPath: folder.string) }  // a folder left over in /tmp harms nobody
        let (one, two) = ("[2.0]}]}", "[4.0]}]}")
        try save(1, weight: 1, to: folder.appending("m"))
        var options = WorkerOptions()
        options.listen.port = 0
        options.loopCount = 2
        options.modelsFolder = folder.string
        try await withWorker(options) { client async throws in
            try await wait(client, "m", for: one, known: [nil, one])
            try save(2, weight: 2, to: folder.appending("m"))
            try await wait(client, "m", for: two, known: [one, two])
            let file = folder.appending("m").appending("model.sluice")
            try writeText("damaged", to: file)
            try save(7, weight: 1, to: folder.appending("n"))
            try await wait(client, "n", for: one, known: [nil, one])
            #expect(try await margin(client, "m") == two)
            try removeFile(file)
            try save(8, weight: 2, to: folder.appending("n"))
            try await wait(client, "n", for: two, known: [one, two])
            #expect(try await margin(client, "m") == two)
            // An older version that took the place is what the operator wants.
            try save(1, weight: 1, to: folder.appending("m"))
            try await wait(client, "m", for: one, known: [one, two])
        }
    }
}
