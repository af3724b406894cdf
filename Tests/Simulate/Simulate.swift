internal import ClusterSimulation
internal import Dispatch
internal import Foundation

/// `simulate COUNT [FIRST]`: runs that many seeds on all cores; then each rule taken out must fail some seed.
@main
struct Simulate {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
        if arguments.count == 1, ProcessInfo.processInfo.environment["ONE"] != nil {
            let simulation = Simulation(seed: arguments[0])
            simulation.trace = ProcessInfo.processInfo.environment["TRACE"] != nil
            do { try simulation.run() } catch { print(error) }
            print(simulation.story)
            exit(0)
        }
        let (count, first) = (arguments.first ?? 1000, arguments.dropFirst().first ?? 1)
        let start = Date()
        let failures = failing(first..<first + count, nil)
        let seconds = Date().timeIntervalSince(start)
        for failure in failures.prefix(10) { print(failure) }
        print("\(count) seeds from \(first): \(failures.count) failed, \(String(format: "%.1f", seconds)) s")
        var isMissing = false
        for sabotage in Sabotage.allCases {
            let found = (1...400 as ClosedRange<UInt64>).lazy.compactMap { failing($0..<$0 + 1, sabotage).first }.first
            print("without the rule, \(sabotage.rawValue): \(found.map { "\($0)" } ?? "NO SEED FAILS")")
            isMissing = isMissing || found == nil
        }
        exit(failures.isEmpty && !isMissing ? 0 : 1)
    }

    private static func failing(_ seeds: Range<UInt64>, _ sabotage: Sabotage?) -> [Simulation.Failure] {
        let lock = NSLock()
        nonisolated(unsafe) var failures: [Simulation.Failure] = []
        DispatchQueue.concurrentPerform(iterations: seeds.count) { place in
            let seed = seeds.lowerBound + UInt64(place)
            do throws(Simulation.Failure) { try Simulation(seed: seed, sabotage: sabotage).run() } catch {
                lock.withLock { unsafe failures.append(error) }
            }
        }
        return unsafe failures.sorted { $0.seed < $1.seed }
    }
}
