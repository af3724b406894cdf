#if canImport(Glibc)
    internal import Glibc
#endif

extension ByteWindow {
    /// Runs `body` over the window's bytes, slack included.
    package func withText<R>(_ body: (TextPointer) -> R) -> R {
        unsafe bytes.withUnsafeBufferPointer { unsafe body(TextPointer($0.baseAddress!)) }
    }

    package mutating func append(_ text: RawSpan) {
        makeRoom(text.byteCount)
        unsafe bytes.withUnsafeMutableBytes { room in
            unsafe text.withUnsafeBytes {
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[byteCount...]).copyMemory(from: $0)
            }
        }
        byteCount += text.byteCount
    }

    /// The place of the first line feed at or behind `start`.
    func lineFeed(from start: Int) -> Int? {
        guard start < byteCount else { return nil }
        return unsafe bytes.withUnsafeBytes { room in
            guard let base = room.baseAddress,
                let found = unsafe memchr(base + start, Int32(UInt8(ascii: "\n")), byteCount - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// Moves bytes to the window's beginning. The array keeps its count: what it grew to serves again.
    mutating func moveToFront(_ range: Range<Int>) {
        unsafe bytes.withUnsafeMutableBytes { room in
            unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[range]))
        }
    }

    package mutating func appendLineFeed() {
        makeRoom(1)
        bytes[byteCount] = UInt8(ascii: "\n")
        byteCount += 1
    }

    /// Reads at most `count` bytes of an open file behind the text.
    ///
    /// - Returns: how many were read, 0 at the end of the file, or the error number.
    package mutating func read(_ count: Int, fromFile descriptor: Int32) -> Result<Int, ReadFailure> {
        makeRoom(count)
        let end = byteCount
        while true {
            let got = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress! + end, count)
            }
            if got < 0 && errno == EINTR { continue }
            if got < 0 { return .failure(ReadFailure(errorNumber: errno)) }
            byteCount += got
            return .success(got)
        }
    }

    package struct ReadFailure: Error, Sendable {
        package var errorNumber: Int32
    }
}

extension [UInt32] {
    /// Those of Vowpal Wabbit's text.
    package mutating func findDelimiters(_ text: TextPointer, from start: Int, to end: Int) -> Int {
        findDelimiters(VWGrammar.self, text, from: start, to: end)
    }

    /// Finds the delimiters of text[start ..< end]; grows to hold their positions.
    mutating func findDelimiters<Grammar: LineGrammar>(
        _: Grammar.Type, _ text: TextPointer, from start: Int, to end: Int
    ) -> Int {
        let room = end - start + 72
        if count < room { append(contentsOf: repeatElement(0, count: Swift.max(room, 2 * count) - count)) }
        return unsafe withUnsafeMutableBufferPointer {
            unsafe Features.findDelimiters(Grammar.self, text, from: start, to: end, into: $0.baseAddress!)
        }
    }

    package func withCursor<R>(_ body: (inout DelimiterCursor) -> R) -> R {
        unsafe withUnsafeBufferPointer { positions in
            var cursor = unsafe DelimiterCursor(positions.baseAddress!)
            return body(&cursor)
        }
    }
}
