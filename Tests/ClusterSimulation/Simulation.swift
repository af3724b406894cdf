internal import Domain
internal import Features
internal import ParameterServer
internal import TestSupport

/// A whole cluster in one thread, by seed: server nodes with their disks, trainers, workers, and a network that delays, loses
/// connections and keeps no order between them. Anything may crash and come back; power may fail.
///
/// The machines are the product's. Only what does I/O is played here. What must hold is checked at every step
/// (`Simulation+Checks`), and when nothing more goes wrong everything must come to rest: every batch acknowledged, every
/// worker at the last version.
package final class Simulation {
    package struct Failure: Error, CustomStringConvertible {
        package var seed: UInt64
        package var what: String
        package var description: String { "seed \(seed): \(what)" }
    }

    let seed: UInt64
    var random: SeededGenerator
    let sabotage: Sabotage?
    let spec: ModelSpec
    let nodeCount: Int
    let owners: [Int]
    var history: History
    let names: [String]
    /// Whether nodes keep journals.
    let journals: Bool
    var disks: [SimulatedDisk]
    var nodes: [SimulatedNode?]
    /// Owners that crashed and have not come back.
    var down: Set<Int> = []
    /// The highest commit of each owner's disk, and its version.
    var durable: [[(number: UInt64, version: Version)]]
    let snapshotMilliseconds: UInt64
    /// The owner whose disk takes its time.
    var slowDisk = 0
    /// A disk was replaced by an empty one: the model must refuse to go on.
    var isDiskLost = false
    var lives: [UInt64]
    var network: SimulatedNetwork
    var trainers: [SimulatedTrainer]
    var workers: [SimulatedWorker]
    var oracle: Oracle
    var now: UInt64 = 1
    /// Faults left; 0 lets everything come to rest.
    var faultsLeft: Int
    var ownerCrashesLeft: Int
    var commandsLeft: Int
    var delayedPublish: [PeerMessage] = []
    package internal(set) var steps = 0

    // What was seen and is to be checked.
    /// What each node knows of the others' lives.
    var known: [[UInt64]]
    var parts: [(version: Version, node: SimulatedNode)] = []
    var acknowledgements: [(name: Oracle.Name, version: Version)] = []
    var violation: String?
    /// Headers that the clock decided and nobody has checked.
    var committed: [CommitHeader] = []
    /// Names that a clock without the rule of sequence is not told.
    var forgotten: [BatchID: Offer.Name] = [:]
    /// Batches of intakes that died.
    var lostSenders: [BatchID: SimulatedNode.Pending] = [:]
    /// Everything that any trainer was ever told.
    var everAcknowledged: Set<Oracle.Name> = []
    var isDying = false

    let ringByteCountMax: Int
    /// Whether every message is told on standard output as it arrives.
    package var tells = false

    package init(seed: UInt64, sabotage: Sabotage? = nil) {
        self.seed = seed
        self.sabotage = sabotage
        random = SeededGenerator(seed: seed)
        var spec = ModelSpec()
        spec.bits = 6
        spec.learner = Bool.random(using: &random) ? .ftrl(alpha: 0.4, beta: 1, l1: 0.01, l2: 0) : .adagrad(rate: 0.25)
        spec.settle = Int.random(in: 0..<3, using: &random) == 0 ? .tolerant : .exact
        nodeCount = Int.random(in: 2...4, using: &random)
        let nodeCount = nodeCount
        var ownerCounts = [1, 2, 2, 2, 4].filter { $0 <= nodeCount }
        if sabotage != nil && sabotage != .forgetsNames { ownerCounts.removeAll { $0 == 1 } }
        let ownerCount = ownerCounts.randomElement(using: &random) ?? 1
        owners = Array((0..<nodeCount).shuffled(using: &random).prefix(ownerCount))
        if ownerCount == 1 && Bool.random(using: &random) {
            (spec.learner, spec.settle) = (.nag(rate: 0.5), .exact)
        }
        self.spec = spec
        history = History(seed | 1 << 40)
        names = (0..<nodeCount).map { "server-\($0)" }
        journals = sabotage.map(\.needsJournal) ?? (Int.random(in: 0..<4, using: &random) > 0)
        disks = (0..<nodeCount).map { _ in SimulatedDisk() }
        durable = Array(repeating: [], count: nodeCount)
        snapshotMilliseconds = sabotage == .forgetsRestored ? 20 : [100, 1000, 100_000].randomElement(using: &random)!
        nodes = Array(repeating: nil, count: nodeCount)
        lives = Array(repeating: 1, count: nodeCount)
        known = Array(repeating: Array(repeating: 0, count: nodeCount), count: nodeCount)
        network = SimulatedNetwork(nodeCount: nodeCount)
        network.resends = sabotage != .doesNotResend
        network.counts = sabotage != .resendsEverything
        faultsLeft = Int.random(in: 0...8, using: &random)
        if sabotage == .doesNotResend || sabotage == .resendsEverything || journals { faultsLeft = 12 }
        ownerCrashesLeft = sabotage == nil && Int.random(in: 0..<5, using: &random) == 0 ? 1 : 0
        if journals { ownerCrashesLeft = Int.random(in: 0...6, using: &random) }
        commandsLeft = Int.random(in: -3...5, using: &random)
        if sabotage == .forgetsRestored { (faultsLeft, ownerCrashesLeft, commandsLeft) = (40, 20, 20) }
        // What these forbid takes owners that die at different commits.
        if sabotage == .ordersBeforeCut || sabotage == .beginsAtTheLatest { (faultsLeft, ownerCrashesLeft) = (60, 40) }
        ringByteCountMax = [600, 4000, 1 << 20].randomElement(using: &random)!
        var trainers: [SimulatedTrainer] = []
        for t in 0..<Int.random(in: 1...3, using: &random) {
            var batches: [ExampleBatch] = []
            let most = sabotage == .forgetsRestored ? 80 : 8
            for _ in 0..<Int.random(in: 1...most, using: &random) { batches.append(Self.batch(&random)) }
            trainers.append(SimulatedTrainer(name: ModelName("trainer-\(t)")!, batches: batches))
        }
        self.trainers = trainers
        workers = []
        oracle = Oracle(spec, [:])
        begin()
    }

    static func batch(_ random: inout SeededGenerator) -> ExampleBatch {
        var batch = ExampleBatch()
        for _ in 0..<[0, 1, 3, 12, 30].randomElement(using: &random)! {
            let count = Int.random(in: 0...5, using: &random)
            batch.append(
                label: Bool.random(using: &random) ? 1 : 0,
                indices: (0..<count).map { _ in UInt32.random(in: 0..<64, using: &random) }, values: [])
        }
        return batch
    }

    /// The model is created: its clock's node gathers the owners.
    func begin() {
        var batches: [Oracle.Name: ExampleBatch] = [:]
        for trainer in trainers {
            for (place, batch) in trainer.batches.enumerated() {
                batches[Oracle.Name(trainer: trainer.name, sequence: UInt64(place + 1))] = batch
            }
        }
        oracle = Oracle(spec, batches)
        workers = (0..<2).map { _ in newWorker() }
        start(owners[0])
    }

    /// A node begins, with what its disk holds; the clock's gathers the owners.
    func start(_ place: Int) {
        down.remove(place)
        guard owners.contains(place) else { return }
        let node: SimulatedNode
        do { node = try newNode(place) } catch {
            violation = "\(names[place]) does not start: \(error)"
            return
        }
        // What had been written when the process ended may have got to the disk all the same.
        if let journal = node.journal {
            let kept = journal.disk.snapshots.last?.footer.header
            durable[place] = kept.map { [($0.number, $0.version)] } ?? []
            for case .commit(let header, _, _) in journal.commits(through: .max).entries
            where header.number > kept?.number ?? 0 {
                durable[place].append((header.number, header.version))
            }
        }
        // Whoever has never heard of the model waits until it does.
        guard place == owners[0] || node.journal?.recovered != nil else { return }
        nodes[place] = node
        if place == owners[0] { node.member.gather(time) }
        flush(place)
    }

    func newWorker() -> SimulatedWorker {
        SimulatedWorker(spec, ownerCount: owners.count, showsParts: sabotage == .showsParts)
    }

    var time: GroupMember.Now { GroupMember.Now(uptime: now, wall: now + 1_000_000) }

    var identity: ModelIdentity {
        ModelIdentity(name: ModelName("m")!, spec: spec.yaml, fingerprint: spec.fingerprint, owners: owners)
    }

    func newNode(_ place: Int) throws -> SimulatedNode {
        let journal = journals && owners.contains(place) ? try SimulatedJournal(disks[place], history) : nil
        let member = GroupMember(
            identity, spec, history: history, node: place, names: names, publishMilliseconds: 100,
            journals: journals, log: journal?.recovered?.log ?? OwnerLog(), snapshotMilliseconds: snapshotMilliseconds)
        let shard = owners.firstIndex(of: place).map { Shard($0, of: owners.count) } ?? .whole
        let node = SimulatedNode(member, shard, journal, life: lives[place], ringByteCountMax: ringByteCountMax)
        node.forgetsRestored = sabotage == .forgetsRestored
        return node
    }

    // MARK: the run

    /// Runs until everything has come to rest.
    package func run() throws(Failure) {
        do throws(Oracle.Violation) {
            while try step() {
                steps += 1
                guard steps < 200_000 else { throw .init(what: "it does not come to rest") }
            }
            try checkAtRest()
        } catch { throw Failure(seed: seed, what: error.what) }
    }

    /// One thing happens; false when nothing is left to happen.
    func step() throws(Oracle.Violation) -> Bool {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<2 where faultsLeft > 0: try fault()
        case 2..<12: try post()
        case 12..<16: try passTime()
        case 16..<26: try follow()
        case 26..<32: try connect()
        case 32..<38: try writeJournal()
        case 46, 47: takeChunk()
        case 48: try command()
        case 38, 39: if let place = down.sorted().randomElement(using: &random) { start(place) }
        case 40..<46: for place in nodes.indices where nodes[place]?.member.hasStep == true { try stepOwner(place) }
        default: try deliver()
        }
        return !isAtRest
    }

    var isAtRest: Bool {
        if isDiskLost { return nodes[owners[0]]?.isClosed == true }
        guard trainers.allSatisfy(\.isDone), down.isEmpty else { return false }
        guard owners.allSatisfy({ nodes[$0]?.member.phase == .open }) else { return false }
        return workers.allSatisfy { $0.shown?.version == oracle.version && $0.shown?.history == history }
    }

    /// Every link stands, everything on a wire arrives, every owner takes its steps.
    func carryEverything() throws(Oracle.Violation) {
        for place in network.links.indices {
            if !network.links[place].isConnected { try connect(place) }
            while let envelope = network.receive(place) {
                try take(envelope, from: network.links[place].from, at: network.links[place].to)
            }
        }
        for place in nodes.indices where nodes[place]?.member.hasStep == true { try stepOwner(place) }
        for place in nodes.indices {
            try writeJournal(place)
            try load(place)
        }
    }

    func stepOwner(_ place: Int) throws(Oracle.Violation) {
        nodes[place]?.member.step(time)
        flush(place)
        try check(place)
    }

    func load(_ place: Int) throws(Oracle.Violation) {
        nodes[place]?.load(time)
        flush(place)
        try check(place)
    }

    func passTime() throws(Oracle.Violation) {
        now += [1, 20, 120, 700].randomElement(using: &random)!
        for place in nodes.indices {
            guard let node = nodes[place], let wake = node.member.wakeMilliseconds, wake <= now else { continue }
            node.member.tick(time)
            flush(place)
            try check(place)
            // A node that wakes again at once does nothing else.
            guard (node.member.wakeMilliseconds ?? .max) > now else {
                throw .init(what: "\(names[place]) would wake again at once, for ever")
            }
        }
        for t in trainers.indices { trainers[t].losePatience(at: now) }
        nodes.randomElement(using: &random)!?.forgetIfIdle()
    }

    func post() throws(Oracle.Violation) {
        let t = Int.random(in: trainers.indices, using: &random)
        let place = Int.random(in: 0..<nodeCount, using: &random)
        guard let sequence = trainers[t].next(at: now), let node = nodes[place], node.member.phase == .open else {
            return
        }
        trainers[t].post(sequence, to: place, at: now)
        let batch = trainers[t].batches[Int(sequence) - 1]
        node.nextNumber += 1
        let id = BatchID(node: place, number: node.nextNumber)
        let isWhole = owners == [place]
        let slices = isWhole ? [] : batch.slices(owners.count)
        let name = Offer.Name(trainer: trainers[t].name, sequence: sequence, digest: sequence * 7)
        var offer = BatchOffer(
            batch: id, body: node.nextNumber, name: name, byteCount: 12 << 20, featureCount: batch.featureCount,
            examples: isWhole ? batch : batch.withoutFeatures)
        offer.isFollowed = sequence % 3 == 0
        if sabotage == .forgetsNames {
            forgotten[id] = name
            offer.name = nil
        }
        node.pending[id] = SimulatedNode.Pending(trainer: t, sequence: sequence, slices: slices, offer: offer)
        node.member.offered(offer, time)
        if sabotage == .deliversWithoutGrant { node.member.outputs.append(.deliver(id)) }
        flush(place)
        try check(place)
    }
}
