internal import Domain

/// What one line of a format is: how it is cut, and what it tells an `ExampleMaker`.
protocol LineGrammar: Sendable {
    /// One bit for each of 64 bytes: where the grammar must look. The line feed is always one of them.
    static func delimiters64(_ text: TextPointer, _ at: Int) -> UInt64

    /// Features that one line may have beyond its delimiters; 0 where each has one of its own.
    static var roomForLine: Int { get }

    /// Reads one line, delimiter by delimiter; adds an example, or nothing and a failure.
    ///
    /// Leaves the cursor behind the line feed, whatever is in the line.
    /// - Returns: the position behind the line feed.
    mutating func parseLine(
        _ text: TextPointer, from start: Int, _ cursor: inout DelimiterCursor, _ maker: inout ExampleMaker,
        into columns: inout BatchColumns
    ) -> (next: Int, failure: LineFailure?)
}

extension LineGrammar {
    static var roomForLine: Int { 0 }
}

/// A refused line: the byte that shows it, and why.
struct LineFailure {
    var position: Int
    var reason: LineError.Reason
}

/// Skips what is left of a line.
///
/// - Parameter at: the delimiter that the cursor gave last.
/// - Returns: the position behind the line feed.
@inline(__always)
func endOfLine(_ text: TextPointer, _ at: Int, _ cursor: inout DelimiterCursor) -> Int {
    var at = at
    while text[at] != UInt8(ascii: "\n") { at = cursor.next() }
    return at &+ 1
}
