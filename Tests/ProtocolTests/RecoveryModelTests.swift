import Testing

/// Visits every state that can be reached, and says which promise breaks first.
private func explore(_ rules: RecoveryModel.Rules) -> (stateCount: Int, violation: String?) {
    let start = RecoveryModel(rules)
    var seen: Set<RecoveryModel> = [start]
    var waiting = [start]
    while let state = waiting.popLast() {
        do throws(RecoveryModel.Violation) { try state.check() } catch { return (seen.count, error.what) }
        let (steps, faults) = state.successors
        for after in steps + faults where seen.insert(after).inserted { waiting.append(after) }
    }
    return (seen.count, nil)
}

@Suite("Every path of two owners with disks keeps what was acknowledged, and each rule is needed")
struct RecoveryModelTests {
    @Test("with all rules: nothing acknowledged is lost, nothing published changes, only a replaced disk is refused")
    func allRules() {
        let (stateCount, violation) = explore(RecoveryModel.Rules())
        #expect(violation == nil)
        #expect(stateCount > 10_000, "\(stateCount) states are too few to mean anything")
    }

    @Test("F1: what one owner's disk has is gone when the other goes back")
    func acknowledgedByOne() {
        let violation = explore(RecoveryModel.Rules(acknowledgesStable: false)).violation
        #expect(violation?.hasPrefix("refused, and no disk was replaced") == true)
    }

    @Test("F5: a version that was published before it was durable comes a second time")
    func publishedBeforeStable() {
        let violation = explore(RecoveryModel.Rules(publishesStable: false)).violation
        #expect(violation == "a version that was published is another one now")
    }

    @Test("F6: without a floor everybody obeys an empty disk")
    func noFloor() {
        let violation = explore(RecoveryModel.Rules(keepsFloor: false)).violation
        #expect(violation == "what was acknowledged is lost")
    }

    @Test("F7: a cut that one disk forgets leaves it another commit of the same number")
    func cutNotSynced() {
        let violation = explore(RecoveryModel.Rules(syncsCuts: false)).violation
        #expect(violation?.hasPrefix("refused, and no disk was replaced") == true)
    }
}
