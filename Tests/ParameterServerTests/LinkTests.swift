internal import ParameterServer
internal import Testing

@Suite("A link loses nothing and repeats nothing between two lives, and carries nothing over into another")
struct LinkTests {
    @Test("what was not confirmed comes first on the next connection")
    func again() {
        var sender = LinkSender<Int>()
        var receiver = LinkCount()
        for number in 1...3 { sender.append(number) }
        #expect(sender.connected(life: 7, receivedCount: receiver.connected(life: 1)) == [1, 2, 3])
        receiver.received()
        receiver.received()
        sender.append(4)
        // The connection breaks with 3 and 4 on it.
        #expect(sender.connected(life: 7, receivedCount: receiver.connected(life: 1)) == [3, 4])
        for _ in 0..<2 { receiver.received() }
        let isRight = sender.confirmed(receiver.receivedCount)
        #expect(isRight && sender.unconfirmedCount == 0)
    }

    @Test("a count that cannot be is refused")
    func wrongCounts() {
        var sender = LinkSender<Int>()
        sender.append(1)
        sender.append(2)
        #expect(sender.connected(life: 7, receivedCount: 3) == nil)
        #expect(sender.connected(life: 7, receivedCount: 1) == [2])
        let (tooLow, tooHigh) = (sender.confirmed(0), sender.confirmed(3))
        #expect(!tooLow && !tooHigh)
    }

    @Test("a receiver that lives anew gets nothing of before; what waited for a first meeting is for whoever answers")
    func receiverAnew() {
        var sender = LinkSender<Int>()
        sender.append(1)
        #expect(sender.connected(life: 7, receivedCount: 0) == [1])
        sender.append(2)
        sender.begin(life: 9)
        sender.append(3)
        #expect(sender.connected(life: 9, receivedCount: 0) == [3])
    }

    @Test("lives only rise: an earlier one that is heard of late changes nothing")
    func lateLife() {
        var sender = LinkSender<Int>()
        sender.begin(life: 9)
        sender.append(1)
        sender.begin(life: 7)
        #expect(sender.connected(life: 7, receivedCount: 0) == nil)
        #expect(sender.connected(life: 9, receivedCount: 0) == [1])
        var receiver = LinkCount()
        _ = receiver.connected(life: 5)
        receiver.received()
        #expect(receiver.connected(life: 4) == 1)
        #expect(receiver.connected(life: 6) == 0)
    }
}
