extension Limits {
    /// Bounds of the HTTP layer, client-facing and between nodes.
    ///
    /// Sources: docs/decisions/0007-http2-limits.md for the attack surface, docs/SPEED.md for buffers and windows.
    package enum HTTP {
        /// Bytes handed to the HTTP/2 library at once: what their requests touch stays in the first-level cache. More than
        /// 1,000 PINGs in one hand-over would count as a flood.
        package static let receiveSliceByteCount = 8 * 1024
        /// Bytes of one socket read; fixed, since adaptive sizes cost allocations.
        package static let receiveBufferByteCount = 64 * 1024
        /// Socket reads per wake-up of a connection, so that one peer cannot hold the loop.
        package static let readsPerWakeUp: UInt = 4
        /// Bytes gathered from the library before they are handed to the socket.
        package static let writeBatchByteCount = 256 * 1024
        /// Bytes in the socket's queue above which the library keeps its output (data dribble: 1 MB).
        package static let writeHighWater = 1024 * 1024
        /// Bytes in the socket's queue below which output is pulled again.
        package static let writeLowWater = 256 * 1024
        /// Bytes queued on one answer or request body below which its writer is asked for more.
        package static let responseLowWater = 256 * 1024
        /// Bytes queued on one request body above which a client's writer waits.
        package static let requestHighWater = 1024 * 1024

        /// Header fields of one message (HPACK bomb).
        package static let headerFieldCountMax = 64
        /// Sum of name + value + 32 over one message's fields, in bytes (RFC 9113 6.5.2).
        package static let headerListByteCountMax = 16 * 1024
        /// CONTINUATION frames of one header block (CVE-2024-28182).
        package static let continuationFrameCountMax = 4
        /// Unsent SETTINGS and PING acknowledgements before a peer counts as flooding.
        package static let outboundAckCountMax = 100
        /// Entries of one SETTINGS frame (CVE-2020-11080).
        package static let settingsEntryCountMax = 8
        /// Resets a peer may send at once, and per second afterwards (CVE-2023-44487).
        package static let resetBurst: UInt64 = 100
        package static let resetsPerSecond: UInt64 = 10
        /// Requests a peer may have open on one connection (100 for clients, 16 for trainers).
        package static let concurrentStreamCountMax: UInt32 = 100

        /// Tokens for frames which bring nothing: burst, and refill per second (frame budget).
        package static let frameBudgetBurst = 2000
        package static let frameBudgetPerSecond = 500
        /// Cost of a reset in either direction, and of a malformed message, in tokens.
        package static let resetCost = 10
        package static let malformedCost = 50
        /// Tokens returned for a DATA frame we send: a peer answers it with up to two WINDOW_UPDATEs.
        package static let dataSentCredit = 2
        /// Malformed messages after which a connection is closed (reset flood).
        package static let malformedMessageCountMax = 10

        /// Bytes a peer may send on one stream and on one connection before we consume them.
        package static let streamWindowByteCount: Int32 = 1024 * 1024
        package static let connectionWindowByteCount: Int32 = 64 * 1024 * 1024
        /// Received bytes of a whole body after which its stream's window is opened again: a quarter of it.
        package static let streamConsumeByteCount = 256 * 1024

        /// Memory of a body which an exchange keeps for the next one, in bytes.
        package static let keptBodyByteCountMax = 64 * 1024
        /// Bytes compared with the HTTP/2 preface (RFC 9113 3.4).
        package static let prefaceByteCount = 24

        /// From accept to the end of the preface (slow-loris).
        package static let prefaceTimeout: Duration = .seconds(5)
        /// From the first byte of a header block to its last (slow-loris).
        package static let headerTimeout: Duration = .seconds(5)
        /// Without a byte from the peer, unless an answer is open (slow-loris).
        package static let idleTimeout: Duration = .seconds(60)
        /// Without progress on a write (closed TCP window).
        package static let stalledWriteTimeout: Duration = .seconds(10)
        /// From the first to the final GOAWAY when the peer does not answer our PING (RFC 9113 6.8: at least 1 RTT).
        package static let drainNoticeTimeout: Duration = .seconds(1)
        /// Until a connection to a peer is refused, answered or given up.
        package static let connectTimeout: Duration = .seconds(5)
        /// Bytes of an answer which a client gathers whole; larger ones are read as a stream.
        package static let gatheredAnswerByteCountMax = 64 * 1024 * 1024
        /// Bytes of a token file, after trimming.
        package static let tokenByteCountMax = 4096
    }
}
