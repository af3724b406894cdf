internal import Domain
internal import HTTP2

/// A path with captures, such as `/v2/models/{model}/infer` or `/v1/models/{model}:freeze`.
///
/// A capture takes one or more bytes of one segment. Matching compares bytes and allocates nothing.
struct PathPattern: Sendable {
    /// Captures of one pattern; more would not fit into a match.
    static let captureCountMax = 4

    private struct Segment {
        var prefix: [UInt8]
        var suffix: [UInt8]
        var isCapture: Bool
    }

    let text: String
    let captureNames: [String]
    private let segments: [Segment]
    /// Bytes that are not captured: the larger, the more specific the pattern.
    let literalByteCount: Int

    /// - Precondition: the pattern starts with `/` and has at most one capture a segment. Patterns are source code.
    init(_ text: String) {
        precondition(text.hasPrefix("/"), "a path pattern starts with a slash")
        self.text = text
        var names: [String] = []
        var segments: [Segment] = []
        for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let open = part.firstIndex(of: "{"), let close = part.firstIndex(of: "}") else {
                segments.append(Segment(prefix: Array(part.utf8), suffix: [], isCapture: false))
                continue
            }
            names.append(String(part[part.index(after: open)..<close]))
            segments.append(
                Segment(
                    prefix: Array(part[..<open].utf8), suffix: Array(part[part.index(after: close)...].utf8),
                    isCapture: true))
        }
        precondition(names.count <= PathPattern.captureCountMax, "a path pattern captures at most four parts")
        captureNames = names
        self.segments = segments
        literalByteCount = segments.reduce(0) { $0 + $1.prefix.count + $1.suffix.count + 1 }
    }

    /// Whether the path (without query) fits; the captured ranges are then in `captures`.
    func matches(_ path: RawSpan, captures: inout InlineArray<4, Range<UInt16>>) -> Bool {
        var start = 0
        var captureIndex = 0
        for segment in segments {
            guard start < path.byteCount, path.byte(at: start) == UInt8(ascii: "/") else { return false }
            start += 1
            var end = start
            while end < path.byteCount, path.byte(at: end) != UInt8(ascii: "/") { end += 1 }
            let inner = start + segment.prefix.count
            let outer = end - segment.suffix.count
            guard inner <= outer, segment.isCapture ? inner < outer : inner == end else { return false }
            guard path.extracting(start..<inner).hasSameBytes(as: segment.prefix) else { return false }
            guard path.extracting(outer..<end).hasSameBytes(as: segment.suffix) else { return false }
            if segment.isCapture {
                captures[captureIndex] = UInt16(truncatingIfNeeded: inner)..<UInt16(truncatingIfNeeded: outer)
                captureIndex += 1
            }
            start = end
        }
        return start == path.byteCount
    }
}
