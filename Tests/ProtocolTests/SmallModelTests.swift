import Testing

/// Visits every state that can be reached, and says which promise breaks first.
private func explore(_ rules: SmallModel.Rules, _ batches: [SmallModel.Batch]) -> (stateCount: Int, violation: String?)
{
    let start = SmallModel(rules, batches)
    var seen: Set<SmallModel> = [start]
    var waiting = [start]
    while let state = waiting.popLast() {
        let (steps, faults) = state.successors
        do throws(SmallModel.Violation) {
            try state.check()
            if steps.isEmpty { try state.checkEnd() }
        } catch { return (seen.count, error.what) }
        for after in steps + faults where seen.insert(after).inserted { waiting.append(after) }
    }
    return (seen.count, nil)
}

@Suite("Every path of the small model keeps its promises, and each rule is needed")
struct SmallModelTests {
    static let oneTrainer = [SmallModel.Batch(trainer: 0, sequence: 0), .init(trainer: 0, sequence: 1)]
    static let twoTrainers = [SmallModel.Batch(trainer: 0, sequence: 0), .init(trainer: 1, sequence: 0)]

    static let both = oneTrainer + [SmallModel.Batch(trainer: 1, sequence: 0)]

    @Test(
        "with all rules nothing acknowledged is lost, nothing is learned twice, nothing waits for ever",
        arguments: [oneTrainer, twoTrainers, both])
    func allRules(batches: [SmallModel.Batch]) {
        let (stateCount, violation) = explore(SmallModel.Rules(), batches)
        #expect(violation == nil)
        #expect(stateCount > 1000, "\(stateCount) states are too few to mean anything")
    }

    @Test("F3: a commit inside a batch learns half of it twice")
    func commitInsideBatch() {
        let violation = explore(SmallModel.Rules(commitsAtBatchEnds: false), Self.oneTrainer).violation
        #expect(violation == "a round was learned twice")
    }

    @Test("F8: a batch ordered before its slices arrived waits for ever for an intake that is gone")
    func orderBeforeDelivery() {
        let violation = explore(SmallModel.Rules(deliversThenOrders: false), Self.oneTrainer).violation
        #expect(violation?.hasPrefix("nothing moves") == true)
    }

    @Test("F9: two intakes fill one owner each and neither batch completes")
    func slicesWithoutPlaces() {
        let violation = explore(SmallModel.Rules(grantsPlaces: false), Self.twoTrainers).violation
        #expect(violation?.hasPrefix("nothing moves") == true)
    }

    @Test("F11: a batch that overtook its predecessor makes it a duplicate that nobody learned")
    func outOfSequence() {
        let violation = explore(SmallModel.Rules(keepsSequence: false), Self.oneTrainer).violation
        #expect(violation == "batch 0 was acknowledged and is not learned")
    }
}
