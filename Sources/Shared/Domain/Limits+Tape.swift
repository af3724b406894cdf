extension Limits {
    package enum Tape {
        /// Bytes of one file: the oldest go as wholes.
        package static let fileByteCount = 64 << 20
        /// Bytes that may wait to be written; what comes then is not kept, and said so.
        package static let waitingByteCountMax = 64 << 20
        /// Batches that can be learned again: their names fit a message.
        package static let batchCountMax = 4 << 20
        package static let mebibytes: ClosedRange<Int> = 0...(1 << 24)
        package static let age: ClosedRange<Duration> = .seconds(60)...(.seconds(90 * 86400))
        package static let ageDefault: Duration = .seconds(86400)
    }
}
