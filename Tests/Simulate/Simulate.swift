internal import ClusterSimulation
internal import Dispatch
internal import Foundation

/// `simulate COUNT [FIRST]`: runs that many seeds on all cores; then each rule taken out must fail some seed.
/// `simulate journal`: every bit of a journal flipped, its tail torn at every byte.
/// `simulate snapshot`: every bit of a snapshot flipped, the file ended at every byte.
/// `simulate story SEED [RULE]`: what is said in one seed, and where everything stands at its end.
@main
struct Simulate {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
        if CommandLine.arguments.dropFirst().first == "story" {
            let sabotage = CommandLine.arguments.last.flatMap { Sabotage(rawValue: $0) }
            return tell(seed: arguments.first ?? 1, sabotage)
        }
        if CommandLine.arguments.dropFirst().first == "journal" { return sweepJournal() }
        if CommandLine.arguments.dropFirst().first == "snapshot" { return sweepSnapshot() }
        let (count, first) = (arguments.first ?? 1000, arguments.dropFirst().first ?? 1)
        let start = Date()
        let failures = failing(first..<first + count, nil)
        let seconds = Date().timeIntervalSince(start)
        for failure in failures.prefix(10) { print(failure) }
        print("\(count) seeds from \(first): \(failures.count) failed, \(String(format: "%.1f", seconds)) s")
        var isMissing = false
        for sabotage in Sabotage.allCases {
            let found = (1...2000 as ClosedRange<UInt64>).first { !failing($0..<$0 + 1, sabotage).isEmpty }
            let failure = found.flatMap { failing($0..<$0 + 1, sabotage).first }
            print("without the rule, \(sabotage.rawValue): \(failure.map { "\($0)" } ?? "NO SEED FAILS")")
            isMissing = isMissing || failure == nil
        }
        exit(failures.isEmpty && !isMissing ? 0 : 1)
    }

    private static func sweepJournal() {
        do {
            let sweep = try JournalSweep()
            let counts = try sweep.flipBits(stride: 1)
            let torn = try sweep.tearTail()
            print(
                "journal: \(counts.cut + counts.refused + counts.whole) bits flipped one by one: \(counts.refused) times "
                    + "refused, \(counts.cut) times the last frame cut off, \(counts.whole) times in bytes of no frame; "
                    + "\(torn) torn tails cut off; never another frame")
        } catch {
            print("journal: \(error)")
            exit(1)
        }
    }

    private static func sweepSnapshot() {
        do {
            let sweep = try SnapshotSweep()
            defer { sweep.end() }
            try sweep.flipBits()
            try sweep.cutAndSwell()
            print(
                "snapshot: \(8 * sweep.byteCount) bits flipped one by one, \(sweep.byteCount) ends, a length of 4 GiB at each byte: "
                    + "each refused")
        } catch {
            print("snapshot: \(error)")
            exit(1)
        }
    }

    private static func tell(seed: UInt64, _ sabotage: Sabotage?) {
        let simulation = Simulation(seed: seed, sabotage: sabotage)
        simulation.tells = true
        do throws(Simulation.Failure) { try simulation.run() } catch { print(error) }
        print(simulation.story)
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
