internal import DeltaFeed
internal import Domain
internal import Testing

@Suite("Feeds of several owners meet, and only a meeting is shown")
struct FeedMeetingTests {
    private func at(_ version: UInt64, _ history: UInt64 = 1) -> FeedMeeting.Position {
        FeedMeeting.Position(history: History(history), version: Version(version))
    }

    @Test("one owner meets itself at every version")
    func one() {
        var meeting = FeedMeeting(ownerCount: 1)
        #expect(meeting.met == nil && meeting.mayRead(0))
        for version in [0, 7, 9] as [UInt64] {
            meeting.moved(0, to: at(version))
            #expect(meeting.met == at(version) && meeting.mayRead(0))
            meeting.show()
            #expect(meeting.met == nil && meeting.shown == at(version))
        }
    }

    @Test("who is ahead waits; who is behind, or holds nothing yet, is read")
    func ahead() {
        var meeting = FeedMeeting(ownerCount: 3)
        meeting.moved(0, to: at(5))
        meeting.moved(1, to: at(3))
        #expect(!meeting.mayRead(0) && meeting.mayRead(1) && meeting.mayRead(2))
        #expect(meeting.met == nil)
        meeting.moved(1, to: at(5))
        #expect(meeting.mayRead(0), "an owner that copies holds nobody up")
        meeting.moved(2, to: at(5))
        #expect(meeting.met == at(5))
    }

    @Test("another history is no reason to wait, and no meeting")
    func histories() {
        var meeting = FeedMeeting(ownerCount: 2)
        meeting.moved(0, to: at(5, 1))
        meeting.moved(1, to: at(2, 2))
        #expect(meeting.mayRead(0) && meeting.mayRead(1) && meeting.met == nil)
        meeting.moved(0, to: at(2, 2))
        #expect(meeting.met == at(2, 2))
    }

    @Test("a version in doubt is shown again")
    func doubt() {
        var meeting = FeedMeeting(ownerCount: 2)
        for owner in 0..<2 { meeting.moved(owner, to: at(4)) }
        meeting.show()
        meeting.doubt()
        for owner in 0..<2 { meeting.moved(owner, to: nil) }
        #expect(meeting.met == nil)
        for owner in 0..<2 { meeting.moved(owner, to: at(4)) }
        #expect(meeting.met == at(4))
    }

    @Test("whatever order owners move in, somebody may always be read, and they meet", arguments: 1...50)
    func alwaysSomebody(seed: Int) {
        var meeting = FeedMeeting(ownerCount: 3)
        var (state, versions) = (UInt64(seed), [0, 0, 0])
        for owner in 0..<3 { meeting.moved(owner, to: at(0)) }
        var meetings = 0
        for _ in 0..<300 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let readable = (0..<3).filter { meeting.mayRead($0) }
            guard !readable.isEmpty else {
                Issue.record("nobody may be read at \(versions)")
                return
            }
            let owner = readable[Int(state >> 33) % readable.count]
            versions[owner] += 1
            meeting.moved(owner, to: at(UInt64(versions[owner])))
            if meeting.met != nil {
                meetings += 1
                meeting.show()
            }
        }
        #expect(meetings == 100)
    }
}
