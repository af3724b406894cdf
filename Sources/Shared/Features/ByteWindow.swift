/// Bytes waiting to be parsed, followed by slack that the text parser's wide loads may touch.
package struct ByteWindow: Sendable {
    /// The bytes waiting, then `slack`.
    package internal(set) var bytes: [UInt8]
    /// Bytes waiting.
    package internal(set) var byteCount = 0
    /// That many first bytes hold no line feed: a long line that comes in pieces is searched once, not once a piece.
    var lineFeedFreeByteCount = 0

    /// The parser reads 64 bytes at a time and may write a line feed behind an unfinished last line.
    static let slack = 80

    package init(capacity: Int = 0) {
        bytes = Array(repeating: 0, count: capacity + Self.slack)
    }

    package init(_ text: some Sequence<UInt8>) {
        self.init()
        append(text)
    }

    package mutating func append(_ text: some Sequence<UInt8>) {
        bytes.removeLast(bytes.count - byteCount)
        bytes.append(contentsOf: text)
        byteCount = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: Self.slack))
    }

    /// Takes the first bytes out; what is behind them moves to the front.
    package mutating func removeFirst(_ count: Int) {
        guard count > 0 else { return }
        precondition(count <= byteCount, "more bytes removed than there are")
        moveToFront(count..<byteCount)
        byteCount -= count
        lineFeedFreeByteCount = 0
    }

    /// Moves what stands behind the last line feed to `next`, which becomes just that.
    package mutating func moveUnfinishedLine(to next: inout ByteWindow) {
        var end = byteCount
        while end > 0 && bytes[end - 1] != UInt8(ascii: "\n") { end -= 1 }
        next.removeAll()
        next.append(bytes[end..<byteCount])
        byteCount = end
        lineFeedFreeByteCount = 0
    }

    package var text: String { String(decoding: bytes[..<byteCount], as: UTF8.self) }

    package mutating func removeAll() {
        byteCount = 0
        lineFeedFreeByteCount = 0
    }

    /// Grows so that `added` bytes and the slack fit behind the text.
    mutating func makeRoom(_ added: Int) {
        let needed = byteCount + added + Self.slack
        if bytes.count < needed {
            bytes.append(contentsOf: repeatElement(0, count: max(needed, 2 * bytes.count) - bytes.count))
        }
    }
}

extension ByteWindow {
    /// The position behind the first line, or nil where it has not ended.
    package func endOfFirstLine(endsText: Bool) -> Int? {
        guard let feed = lineFeed(from: 0) else { return endsText && byteCount > 0 ? byteCount : nil }
        return feed + 1
    }

    /// The position behind the last whole line, or nil where there is none. Ends an unfinished last line if asked.
    package mutating func endOfLines(from start: Int, endsText: Bool) -> Int? {
        guard byteCount > start else { return nil }
        if endsText && bytes[byteCount - 1] != UInt8(ascii: "\n") {
            bytes[byteCount] = UInt8(ascii: "\n")
            return byteCount + 1
        }
        var end = byteCount
        let known = max(start, lineFeedFreeByteCount)
        while end > known && bytes[end - 1] != UInt8(ascii: "\n") { end -= 1 }
        guard end > known else {
            lineFeedFreeByteCount = byteCount
            return nil
        }
        return end
    }
}
