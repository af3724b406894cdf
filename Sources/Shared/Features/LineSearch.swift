/// Finds where so many lines end in a window that grows; bytes looked at once are not looked at again.
package struct LineSearch: Sendable {
    private let lineCount: Int
    private var found = 0
    private var place = 0

    /// - Parameter lineCount: at least 1.
    package init(lineCount: Int) { self.lineCount = lineCount }

    /// The position behind the lines, or nil where there are fewer. Begins anew behind a find: the caller then takes
    /// those bytes out of the window.
    package mutating func end(in window: ByteWindow) -> Int? {
        while let feed = window.lineFeed(from: place) {
            place = feed + 1
            found += 1
            guard found == lineCount else { continue }
            defer { (found, place) = (0, 0) }
            return place
        }
        place = window.byteCount
        return nil
    }
}
