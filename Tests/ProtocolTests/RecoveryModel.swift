/// How a model's owners begin again from their disks, small enough to visit every state: two owners with a disk each, the clock beside
/// the first, up to three commits; processes end anywhere, power is lost, a disk is replaced by an empty one.
///
/// A message is a step that has not been taken yet. What is left out on purpose: batches (`SmallModel` has them), rows, snapshots, and
/// a disk that is replaced in the very moment in which nobody else knows what was acknowledged (docs/RELIABILITY.md says so).
struct RecoveryModel: Hashable {
    /// What is taken out one at a time, to see what breaks. Numbers are the scenarios of the protocol's design.
    struct Rules: Hashable {
        /// F1: a batch is acknowledged when its commit is on the disks of both owners.
        var acknowledgesStable = true
        /// F5: what is published is stable, too.
        var publishesStable = true
        /// F6: no epoch begins below what was acknowledged.
        var keepsFloor = true
        /// F7: what an epoch cuts off is gone from both disks before a commit follows.
        var syncsCuts = true
    }

    struct Commit: Hashable {
        /// No two commits have the same, whatever their number.
        var content: Int
        /// What the clock knew to be stable when it was marked.
        var stable: Int
    }

    enum Entry: Hashable {
        case commit(Commit)
        case cut(to: Int)
    }

    struct Owner: Hashable {
        var isUp = true
        var disk: [Entry] = []
        /// Entries of `disk` that a loss of power leaves.
        var syncedCount = 0
        /// What the clock has sent and is not written.
        var inbox: [Entry] = []
        /// What the clock said was stable: in memory.
        var knownStable = 0
        var hasJoined = false
        var hasBegun = false

        var log: [Commit] { Self.log(disk[...]) }
        var syncedLog: [Commit] { Self.log(disk[..<syncedCount]) }

        private static func log(_ entries: ArraySlice<Entry>) -> [Commit] {
            entries.reduce(into: []) { log, entry in
                switch entry {
                case .commit(let commit): log.append(commit)
                case .cut(let number): log.removeLast(max(0, log.count - number))
                }
            }
        }
    }

    /// A worker may have this content under this number.
    struct Publication: Hashable {
        var number: Int
        var content: Int
    }

    enum Phase: Hashable {
        case gathering
        case beginning(behind: Int)
        case open
        case refused(String)
    }

    struct Violation: Error {
        var what: String
    }

    static let owners = 0..<2
    static let commitCount = 3

    let rules: Rules
    var disks = [Owner(), Owner()]
    // The clock, in the memory of the first owner's process.
    var phase = Phase.open
    var marked: [Commit] = []
    var stable = 0
    // What the world has seen: contents in order of their commits.
    var acknowledged: [Int] = []
    var published: Set<Publication> = []
    var nextContent = 0
    var crashesLeft = 1
    var powerLossesLeft = 2
    var replacementsLeft = 1

    init(_ rules: Rules) { self.rules = rules }

    // MARK: steps

    /// Every state one step away. `faults` are what goes wrong; the rest is what happens when nothing more does.
    var successors: (steps: [RecoveryModel], faults: [RecoveryModel]) {
        var steps: [RecoveryModel] = []
        func step(_ change: (inout RecoveryModel) -> Void) {
            var after = self
            change(&after)
            if after != self { steps.append(after) }
        }
        for o in Self.owners {
            step { $0.start(o) }
            guard disks[o].isUp else { continue }
            step { $0.write(o) }
            step { $0.sync(o) }
            step { $0.join(o) }
            step { $0.begin(o) }
        }
        if disks[0].isUp {
            step { $0.mark() }
            step { $0.decide() }
            step { $0.open() }
            step { $0.hearDurable() }
            for o in Self.owners { step { $0.hearStable(o) } }
        }
        return (steps, faults)
    }

    private var faults: [RecoveryModel] {
        if case .refused = phase { return [] }
        // Behind a lost disk nothing more goes wrong: who knows what was acknowledged lives until it is told.
        guard replacementsLeft > 0 else { return [] }
        var faults: [RecoveryModel] = []
        func fault(_ change: (inout RecoveryModel) -> Void) {
            var after = self
            change(&after)
            faults.append(after)
        }
        for o in Self.owners where crashesLeft > 0 && disks[o].isUp { fault { $0.crash(o) } }
        if powerLossesLeft > 0 {
            // Of what was not synced each disk keeps all or nothing.
            for kept in 0..<4 { fault { $0.losePower(keeping: [kept & 1 != 0, kept & 2 != 0]) } }
        }
        for o in Self.owners where !disks[o].isUp && disks[1 - o].isUp {
            if disks[1 - o].knownStable == acknowledged.count { fault { $0.replace(o) } }
        }
        return faults
    }

    private mutating func crash(_ o: Int) {
        crashesLeft -= 1
        end(o)
    }

    private mutating func losePower(keeping: [Bool]) {
        powerLossesLeft -= 1
        for o in Self.owners {
            if !keeping[o] { disks[o].disk.removeLast(disks[o].disk.count - disks[o].syncedCount) }
            disks[o].syncedCount = disks[o].disk.count
            end(o)
        }
    }

    /// The process is gone; what it wrote stays with the system.
    private mutating func end(_ o: Int) {
        (disks[o].isUp, disks[o].inbox, disks[o].knownStable) = (false, [], 0)
        if o == 0 { (marked, stable) = ([], 0) }
        gather()
    }

    private mutating func replace(_ o: Int) {
        replacementsLeft -= 1
        (disks[o].disk, disks[o].syncedCount) = ([], 0)
    }

    private mutating func gather() {
        phase = .gathering
        for o in Self.owners { (disks[o].hasJoined, disks[o].hasBegun, disks[o].inbox) = (false, false, []) }
    }

    private mutating func start(_ o: Int) { disks[o].isUp = true }

    private mutating func write(_ o: Int) {
        guard !disks[o].inbox.isEmpty else { return }
        disks[o].disk.append(disks[o].inbox.removeFirst())
    }

    private mutating func sync(_ o: Int) { disks[o].syncedCount = disks[o].disk.count }

    private mutating func mark() {
        guard phase == .open, nextContent < Self.commitCount, marked.count - stable < 2 else { return }
        marked.append(Commit(content: nextContent, stable: stable))
        nextContent += 1
        for o in Self.owners { disks[o].inbox.append(.commit(marked.last!)) }
        if !rules.publishesStable { publish(marked.map(\.content)) }
    }

    private mutating func hearDurable() {
        guard phase == .open else { return }
        let durable = Self.owners.map { disks[$0].isUp ? disks[$0].syncedLog.count : 0 }
        stable = max(stable, rules.acknowledgesStable ? durable.min()! : durable.max()!)
        tell(marked.prefix(stable).map(\.content))
    }

    private mutating func hearStable(_ o: Int) {
        guard phase == .open, disks[o].isUp else { return }
        disks[o].knownStable = stable
    }

    private mutating func tell(_ contents: [Int]) {
        acknowledged = contents
        if rules.publishesStable { publish(contents) }
    }

    private mutating func publish(_ contents: [Int]) {
        for (number, content) in contents.enumerated() {
            published.insert(Publication(number: number, content: content))
        }
    }

    // MARK: an epoch

    /// An owner says what its disk holds: it is synced before.
    private mutating func join(_ o: Int) {
        guard phase == .gathering, disks[0].isUp else { return }
        sync(o)
        disks[o].hasJoined = true
    }

    private mutating func decide() {
        guard phase == .gathering, disks.allSatisfy(\.hasJoined) else { return }
        let logs = disks.map(\.log)
        let number = logs.map(\.count).min()!
        let headers = logs.joined().map(\.stable).max() ?? 0
        let floor = max(headers, stable, disks.map(\.knownStable).max()!)
        if rules.keepsFloor && number < floor {
            phase = .refused("an owner lost its rows")
            return
        }
        guard logs[0].prefix(number) == logs[1].prefix(number) else {
            phase = .refused("two owners hold different commits")
            return
        }
        phase = .beginning(behind: number)
        for o in Self.owners { disks[o].disk.append(.cut(to: number)) }
    }

    private mutating func begin(_ o: Int) {
        guard case .beginning = phase else { return }
        if rules.syncsCuts && disks[o].syncedCount < disks[o].disk.count { return }
        disks[o].hasBegun = true
    }

    private mutating func open() {
        guard case .beginning(let number) = phase, disks.allSatisfy(\.hasBegun) else { return }
        phase = .open
        (marked, stable) = (disks[0].log, number)
        // Whoever offers these again is told that they are learned.
        if acknowledged.count <= number { tell(marked.map(\.content)) }
    }

    // MARK: promises

    func check() throws(Violation) {
        if case .refused(let reason) = phase {
            guard replacementsLeft == 0 else { throw Violation(what: "refused, and no disk was replaced: \(reason)") }
            return
        }
        guard phase == .open else { return }
        let contents = marked.map(\.content)
        guard contents.starts(with: acknowledged) else { throw Violation(what: "what was acknowledged is lost") }
        guard Set(published.map(\.number)).count == published.count else {
            throw Violation(what: "a version that was published is another one now")
        }
        for o in Self.owners {
            guard contents.starts(with: disks[o].log.map(\.content)) else {
                throw Violation(what: "an owner's log is not the clock's")
            }
        }
    }
}
