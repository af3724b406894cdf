internal import DeltaFeed
internal import Domain
internal import Format
internal import TestSupport
internal import Testing

private let ours = History(1)
private let other = History(2)

@Suite("A follower takes only what fits what it holds")
struct DeltaFollowerTests {
    private func header(
        _ kind: RecordKind, _ base: UInt64, _ version: UInt64, of history: History = ours
    ) -> RecordHeader {
        RecordHeader(
            kind: kind,
            stamp: RecordStamp(
                history: history, baseVersion: Version(base), version: Version(version), watermarkMilliseconds: 0,
                fingerprint: Fingerprint(0)))
    }

    /// What a state answers, and the state afterwards: "waiting", "copying 10" or "following 10".
    private struct Answer: Equatable {
        var action: DeltaFollower.Action
        var state: String

        init(_ action: DeltaFollower.Action, _ state: String) {
            self.action = action
            self.state = state
        }
    }

    private func answer(_ state: consuming DeltaFollower, _ record: RecordHeader) -> Answer {
        let action = state.received(record)
        let after =
            switch state {
            case .waiting: "waiting"
            case .copying(_, let version): "copying \(version)"
            case .following(_, let version): "following \(version)"
            }
        return Answer(action, after)
    }

    private func expectResync(
        _ state: consuming DeltaFollower, _ record: RecordHeader, location: SourceLocation = #_sourceLocation
    ) {
        let answer = answer(state, record)
        guard case .resync = answer.action else {
            Issue.record("\(answer.action) instead of a resync", sourceLocation: location)
            return
        }
        #expect(answer.state == "waiting", sourceLocation: location)
    }

    @Test("a spec is taken in every state and moves none")
    func spec() {
        let record = header(.spec, 3, 3)
        #expect(answer(.waiting, record) == Answer(.takeSpec, "waiting"))
        #expect(answer(.copying(ours, version: Version(10)), record) == Answer(.takeSpec, "copying 10"))
        #expect(answer(.following(ours, version: Version(10)), record) == Answer(.takeSpec, "following 10"))
    }

    @Test("a copy may begin in every state, also under another history")
    func copyBegin() {
        let record = header(.copyBegin, 5, 5, of: other)
        #expect(answer(.waiting, record) == Answer(.beginCopy, "copying 5"))
        #expect(answer(.copying(ours, version: Version(10)), record) == Answer(.beginCopy, "copying 5"))
        #expect(answer(.following(ours, version: Version(10)), record) == Answer(.beginCopy, "copying 5"))
    }

    @Test("waiting: nothing but a copy helps", arguments: [RecordKind.delta, .chunk, .copyEnd, .heartbeat])
    func waiting(kind: RecordKind) {
        expectResync(.waiting, header(kind, 0, kind == .delta ? 1 : 0))
    }

    @Test("copying: chunks are applied and leave the version; deltas lead on; the end makes a model")
    func copying() {
        let state = { DeltaFollower.copying(ours, version: Version(10)) }
        #expect(answer(state(), header(.chunk, 4, 12)) == Answer(.applyToCopy, "copying 10"))
        #expect(answer(state(), header(.delta, 10, 15)) == Answer(.applyToCopy, "copying 15"))
        #expect(answer(state(), header(.copyEnd, 4, 10)) == Answer(.finishCopy, "following 10"))
    }

    @Test("copying: a delta that begins elsewhere, an end at another version, another history: resync")
    func copyingWrong() {
        for record in [
            header(.delta, 9, 15), header(.delta, 11, 15), header(.delta, 8, 10), header(.copyEnd, 4, 9),
            header(.copyEnd, 4, 11), header(.chunk, 10, 10, of: other), header(.delta, 10, 15, of: other),
            header(.copyEnd, 10, 10, of: other), header(.heartbeat, 10, 10),
        ] { expectResync(.copying(ours, version: Version(10)), record) }
    }

    @Test("following: a delta from here is applied; one that is in already is ignored")
    func following() {
        let state = { DeltaFollower.following(ours, version: Version(10)) }
        #expect(answer(state(), header(.delta, 10, 15)) == Answer(.apply, "following 15"))
        for (base, version): (UInt64, UInt64) in [(0, 1), (9, 10), (5, 10)] {
            #expect(answer(state(), header(.delta, base, version)) == Answer(.ignore, "following 10"))
        }
        #expect(answer(state(), header(.heartbeat, 10, 10)) == Answer(.noteHeartbeat, "following 10"))
    }

    @Test("following: a gap, an overlap, another history, a heartbeat elsewhere, pieces of a copy: resync")
    func followingWrong() {
        for record in [
            header(.delta, 11, 15), header(.delta, 9, 11), header(.delta, 0, 11), header(.delta, 10, 15, of: other),
            header(.delta, 5, 10, of: other), header(.heartbeat, 9, 9), header(.heartbeat, 11, 11),
            header(.heartbeat, 10, 10, of: other), header(.chunk, 10, 10), header(.copyEnd, 10, 10),
        ] { expectResync(.following(ours, version: Version(10)), record) }
    }

    @Test("only a whole version is a position")
    func position() {
        let waiting = DeltaFollower.waiting
        let copying = DeltaFollower.copying(ours, version: Version(10))
        let following = DeltaFollower.following(ours, version: Version(10))
        #expect(waiting.position == nil)
        #expect(copying.position == nil)
        #expect(following.position?.history == ours && following.position?.version == Version(10))
    }

    @Test("a lost connection voids a copy under way and keeps a whole version; a wrong table is lost altogether")
    func disconnected() {
        var copying = DeltaFollower.copying(ours, version: Version(10))
        copying.disconnected()
        #expect(copying.position == nil)
        expectResync(copying, header(.chunk, 10, 10))

        var following = DeltaFollower.following(ours, version: Version(10))
        following.disconnected()
        #expect(following.position?.version == Version(10))
        following.lost()
        #expect(following.position == nil)
        expectResync(following, header(.delta, 10, 15))
    }

    @Test("whatever comes, rows are applied only in a chain from a copy's end", arguments: 0..<20 as Range<UInt64>)
    func anyStream(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var follower = DeltaFollower.waiting
        var held: (history: History, version: UInt64)?
        for _ in 0..<2000 {
            let kind = RecordKind.allCases.randomElement(using: &random) ?? .delta
            let base = UInt64.random(in: 0...3, using: &random)
            let version = kind == .delta ? base + UInt64.random(in: 1...2, using: &random) : base
            let record = header(kind, base, version, of: Int.random(in: 0..<8, using: &random) == 0 ? other : ours)
            switch follower.received(record) {
            case .apply:
                #expect(held?.history == record.stamp.history && held?.version == base, "seed \(seed)")
                held?.version = version
            case .finishCopy: held = (record.stamp.history, version)
            case .ignore: #expect(version <= held?.version ?? 0, "seed \(seed)")
            case .noteHeartbeat: #expect(version == held?.version, "seed \(seed)")
            case .beginCopy, .resync: held = nil
            case .applyToCopy: #expect(held == nil, "seed \(seed)")
            case .takeSpec: break
            }
            #expect(follower.position?.version.rawValue == held?.version, "seed \(seed)")
        }
    }
}
