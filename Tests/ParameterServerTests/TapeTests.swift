internal import Domain
internal import Features
internal import Files
internal import Foundation
internal import ParameterServer
internal import SystemPackage
internal import TestSupport
internal import Testing

@Suite("A tape keeps what was taken, bounded by size and age")
struct TapeTests {
    private let history = History(7)
    private let anna = ModelName("anna")!
    /// 40 kB on the tape.
    private let examples: ExampleBatch = {
        let count = 1000
        return ExampleBatch(
            ends: (1...count).map { UInt32(4 * $0) }, indices: (0..<UInt32(4 * count)).map { $0 },
            values: [Float](repeating: 1, count: 4 * count))!
    }()

    private func withFolder(_ body: (FilePath) async throws -> Void) async throws {
        let folder = FilePath(NSTemporaryDirectory()).appending("sluice-tape-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        try await body(folder)
    }

    private func append(_ numbers: Range<Int>, to tape: Tape) {
        for number in numbers {
            var batch = examples
            batch.setLabels(
                of: ExampleBatch(
                    labels: [Float](repeating: 1, count: 1000),
                    importances: [Float](repeating: Float(number + 1), count: 1000))!)
            tape.append(history, .batch(BatchID(node: 0, number: UInt64(number)), trainer: anna, batch))
        }
    }

    private func find(_ numbers: Range<Int>, on tape: Tape) async throws -> TapeFinding {
        let wanted = numbers.map { BatchID(node: 0, number: UInt64($0)) }
        return try await withCheckedContinuation { continuation in
            tape.find(history, wanted, of: anna) { continuation.resume(returning: $0) }
        }.get()
    }

    @Test("what an un-learning has found stays until it is over, however much comes meanwhile")
    func needed() async throws {
        try await withFolder { folder in
            let tape = try Tape(folder, byteCountMax: 1 << 20, age: .seconds(3600), log: "tape")
            append(0..<10, to: tape)
            let found = try await find(0..<10, on: tape)
            #expect(found.places.count == 10 && found.ofTrainer.count == 10)
            for begin in stride(from: 10, to: 110, by: 10) {
                append(begin..<begin + 10, to: tape)
                _ = try await tape.headers(history)
            }
            for number in 0..<10 {
                let place = try #require(found.places[BatchID(node: 0, number: UInt64(number))])
                let read = try #require(try tape.read(place))
                #expect(read.examples.importances.first == Float(number + 1))
            }
            tape.release(history)
            append(110..<120, to: tape)
            _ = try await tape.headers(history)
            append(120..<130, to: tape)
            #expect(try await find(0..<10, on: tape).places.isEmpty)
            #expect(try await find(120..<130, on: tape).places.count == 10)
        }
    }

    @Test("what is too old goes, though nothing comes any more")
    func age() async throws {
        try await withFolder { folder in
            let tape = try Tape(folder, byteCountMax: 1 << 20, age: .milliseconds(400), log: "tape")
            append(0..<1, to: tape)
            #expect(try await find(0..<1, on: tape).places.count == 1)
            tape.release(history)
            let end = ContinuousClock.now + .seconds(5)
            while try !listFolder(folder).isEmpty, .now < end { try await Task.sleep(for: .milliseconds(20)) }
            #expect(try listFolder(folder).isEmpty)
        }
    }
}
