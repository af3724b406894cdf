extension Limits {
    package enum Training {
        /// Digests remembered of one trainer, so that retries are answered: 64 batches, about 1 KiB a trainer.
        package static let rememberedBatchCount = 64
        /// A batch up to that many numbers ahead waits for those before it …
        package static let earlyBatchCountMax = 64
        /// … at most this long.
        package static let earlyWait: Duration = .seconds(2)
        /// Early batches of a model parked at a time; a further one is answered with the sequence expected.
        package static let earlyParkedMax = 1024
        /// Names a model remembers; beyond it those not heard for `trainerHorizon` are forgotten.
        package static let trainerCountMax = 100_000
        package static let trainerHorizon: Duration = .seconds(7 * 86400)
        /// A batch that the lane did not reach within this time is refused.
        package static let grantWait: Duration = .seconds(2)
        /// Bytes of text in a model's queue; above it batches are refused at once.
        package static let queuedByteCountMax = 256 << 20
        /// Bytes of a body that is one batch, and of one batch of a streamed body.
        package static let batchByteCountMax = 8 << 20
        /// Batches of one streamed body that wait for the lane; above it the body is held back by flow control.
        package static let batchesInFlightMax = 64
        /// Bytes of text of one streamed body that wait for the lane before it is held back.
        package static let bytesInFlightMax = 16 << 20
        /// Bodies of a node that are unpacked at a time, each with a window of 8 MiB and a batch: at most about 1 GiB. A further one is
        /// answered 503.
        package static let unpackingCountMax = 64
        /// Bytes that a body unpacks to before its loop turns to others: parsing them takes about 2 ms.
        package static let unpackedBytesPerTurn = 1 << 20
        /// Lines of one batch.
        package static let batchLines: ClosedRange<Int> = 1...1_000_000
        /// Models of a node.
        package static let modelCountMax = 256
        /// Seconds a refused trainer is asked to wait.
        package static let retryAfterSeconds = 1
    }

    /// Between server nodes.
    package enum Group {
        /// Bytes of one message: the slice of a batch of `Training.batchByteCountMax` bytes of text is at most about four
        /// times the text (a feature of two bytes becomes an index and a value).
        package static let messageByteCountMax = 64 << 20
        /// Nodes of a cluster, so that margins of all owners sum exactly (docs/decisions/0003).
        package static let nodeCountMax = 64
        /// Bytes of text of one intake's batches that are granted and not ordered: what owners park for it.
        package static let grantedByteCountMax = 32 << 20
        /// Commits that are not learned by all owners when the next batch is ordered.
        package static let unstableCommitCountMax = 2
        /// Bodies remembered of which a batch was not taken, so that offers under way are not learned behind it.
        package static let overBodyCountMax = 256
        /// A batch that its intake does not deliver gives way to its retry after this time.
        package static let retryWait: Duration = .seconds(2)
        /// How long the creation of a model waits for its owners.
        package static let joinWait: Duration = .seconds(5)
        /// A model whose rounds and commits stand still for this time tells whom it waits for.
        package static let lateAfter: Duration = .milliseconds(200)
        /// How long a request that was passed on waits for its answer: longer than `joinWait`.
        package static let forwardWait: Duration = .seconds(15)
        /// An operator's command at another node may read a whole snapshot, or learn a day again.
        package static let commandWait: Duration = .seconds(3600)
        /// How long a command waits for a node that is not reached.
        package static let commandStallMax: Duration = .seconds(10)
        /// A batch whose clock says nothing for this time is refused by its intake; a named one may be sent again.
        package static let answerWait: Duration = .seconds(10)
        /// Messages a link's receiver takes before it says so: the sender keeps what was not confirmed.
        package static let confirmedMessageCount: UInt64 = 32
        /// The same in bytes.
        package static let confirmedByteCount = 1 << 20
        /// How often a link's receiver says how much has arrived, in any case; silence for `silenceMax` ends the connection.
        package static let confirmInterval: Duration = .seconds(1)
        package static let silenceMax: Duration = .seconds(5)
        /// Bytes that wait for a node above which no further batch is sent there.
        package static let linkByteCountMax = 64 << 20
        /// How long the answer to a model's creation waits for nodes that are reached to have heard of it.
        package static let hearWait: Duration = .seconds(1)
        /// How far another node's clock may be ahead when it says when it began.
        package static let clockSkewMax: Duration = .seconds(60)
        /// The largest wait before a link is tried again.
        package static let reconnectWaitMax: Duration = .milliseconds(500)
        /// How much parsing gives way to rounds on a node of several (docs/SPEED.md, "Rounds").
        package static let parsingNiceness: Int32 = 19
        /// On machines of at most that many cores the control threads of all nodes are bound to one core.
        package static let sharedCoreCountMax = 2
        /// How often waiting batches are looked at for their deadlines.
        package static let tickInterval: Duration = .milliseconds(50)
    }

    package enum Learning {
        /// Examples of one window of settled rounds.
        package static let windowMax = 1024
        /// Groups of eight rows that a window's log doubles up to, 96 bytes each: windows of 256 features an example. More
        /// is taken as it is needed, at most 50 MB a model (`windowMax` examples of `Features.perExampleMax` features).
        package static let logGroupCount = 1 << 15
        /// Lines of a batch where a file is learned without a trainer who says: as `sluice train` sends them.
        package static let batchLineCount = 1000
    }

    package enum Predicting {
        /// Bytes of a request to score.
        package static let bodyByteCountMax = 16 << 20
        /// Examples of one request: a loop scores them in one turn, at most about 2 ms.
        package static let exampleCountMax = 5000
        /// Models of one request to score, and scores of all of them together.
        package static let scoredModelCountMax = 16
        package static let scoreCountMax = 20_000
        /// Scores of one request that are explained, about 50 µs each, and features of each.
        package static let explainedCountMax = 64
        package static let explainedFeatureCountMax = 100
        /// How often a worker looks whether a saved model has changed.
        package static let savedModelInterval: Duration = .milliseconds(500)
        /// Levels of nesting in a request's JSON.
        package static let nestingMax = 16
        /// How long a request may wait for a version when it does not say.
        package static let versionWait: Duration = .seconds(1)
        package static let versionWaitMax: Duration = .seconds(60)
        /// Requests of one event loop that may wait for a version.
        package static let waitingCountMax = 1024
        /// How long a request for a whole digest waits for it.
        package static let digestWait: Duration = .seconds(5)
    }

    package enum Node {
        /// From SIGTERM until open requests are cut.
        package static let drainTimeout: Duration = .seconds(10)
        /// The same for other nodes' links and feeds, which do not end by themselves.
        package static let peerDrainTimeout: Duration = .milliseconds(200)
    }

    package enum Feed {
        /// Encoded parts kept for followers that reconnect; beyond it a copy is cheaper.
        package static let ringByteCountMax = 64 << 20
        /// A publish names 1/1024 of the rows for comparison.
        package static let digestRangeCount = 1024
        /// Features marked since the last publish after which the next is due: with the largest batch, a part stays
        /// below the format's 2^23 rows.
        package static let markedFeatureCountMax = 1 << 22
        /// Bytes queued on one follower's answer above which parts stay in the ring.
        package static let followerQueuedByteCountMax = 8 << 20
        package static let heartbeatInterval: Duration = .seconds(1)
        /// How much a worker's following gives way to its answering: low enough to be preempted at once, high enough
        /// for 3 % of a core that answers all the time.
        package static let followingNiceness: Int32 = 15
        /// Rows that following unpacks or applies before it lets answering run: about 50 µs.
        package static let rowsPerTurn = 16384
        /// The same for bytes that it receives.
        package static let bytesPerTurn = 128 << 10
        /// How often a worker asks a server for its models.
        package static let discoveryInterval: Duration = .seconds(1)
        /// A worker's longest wait before it tries a server again.
        package static let reconnectWaitMax: Duration = .seconds(2)
        /// A worker's wait before it opens a feed anew that ended while the connection stood.
        package static let reopenWait: Duration = .milliseconds(200)
        /// How often publishes may fall.
        package static let publishInterval: ClosedRange<Duration> = .milliseconds(5)...(.seconds(3600))
    }
}
