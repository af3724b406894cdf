import ClusterSimulation
import Testing

@Suite("A whole cluster in one thread, by seed; Tests/simulate runs many more seeds, optimised")
struct ClusterSimulationTests {
    @Test(
        "whatever is delayed, cut or killed, no invariant is violated and everything comes to rest",
        arguments: 1...60 as ClosedRange<UInt64>)
    func seeds(seed: UInt64) throws { try Simulation(seed: seed).run() }

    /// All but two, which take many seeds: `simulate` shows them, optimised.
    @Test(
        "each rule taken out makes some seed fail",
        arguments: Sabotage.allCases.filter { $0 != .ordersBeforeCut && $0 != .forgetsRestored })
    func withoutRule(sabotage: Sabotage) {
        let isFound = (1...40 as ClosedRange<UInt64>).contains { seed in
            do {
                try Simulation(seed: seed, sabotage: sabotage).run()
                return false
            } catch { return true }
        }
        #expect(isFound, "nothing fails without the rule \(sabotage.rawValue)")
    }
}
