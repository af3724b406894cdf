/// Room for the payload of one DATA frame inside the library's own buffer, so that a body is copied once.
@safe package struct FrameSpace: ~Copyable {
    /// Bytes appended so far; never more than `capacity`.
    package private(set) var byteCount = 0
    private let capacity: Int
    private let base: UnsafeMutableRawPointer

    init(base: UnsafeMutableRawPointer, capacity: Int) {
        unsafe self.base = base
        self.capacity = capacity
    }

    package var remaining: Int { capacity - byteCount }

    /// - Precondition: the bytes fit into `remaining`.
    package mutating func append(_ bytes: RawSpan) {
        precondition(bytes.byteCount <= remaining, "a body source wrote past the end of its frame")
        let target = unsafe base + byteCount
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress {
                unsafe target.copyMemory(from: from, byteCount: source.count)
            }
        }
        byteCount += bytes.byteCount
    }
}

extension FrameSpace {
    /// - Precondition: the bytes fit into `remaining`.
    package mutating func append(_ bytes: ArraySlice<UInt8>) {
        precondition(bytes.count <= remaining, "a body source wrote past the end of its frame")
        let target = unsafe base + byteCount
        unsafe bytes.withUnsafeBytes { source in
            if let from = source.baseAddress { unsafe target.copyMemory(from: from, byteCount: source.count) }
        }
        byteCount += bytes.count
    }
}
