internal import Domain
internal import HTTP2
internal import NIOCore

/// Body bytes on their way out, in order. Chunks are shared, never copied, until they are framed.
struct OutgoingQueue {
    /// Bytes appended and not yet taken.
    private(set) var byteCount = 0
    /// Whether nothing more will be appended.
    private(set) var hasEnded = false
    /// The chunk in front, of which nothing counts when `byteCount` is 0. Most bodies are a single chunk and never touch
    /// `rest`.
    private var front = ByteBuffer()
    private var rest = CircularBuffer<ByteBuffer>(initialCapacity: 1)
    /// The memory of a body that was sent, for the next one.
    private var spare = ByteBuffer()
    private var keepsFront = false

    /// Forgets the body and keeps the memory.
    mutating func reset() {
        byteCount = 0
        hasEnded = false
        keepsFront = false
        if front.readableBytes > 0 { front = ByteBuffer() }
        if !rest.isEmpty { rest.removeAll(keepingCapacity: true) }
    }

    mutating func append(_ chunk: ByteBuffer) {
        guard chunk.readableBytes > 0 else { return }
        if byteCount == 0 {
            front = chunk
        } else {
            rest.append(chunk)
        }
        byteCount += chunk.readableBytes
    }

    /// A body that is complete at once; its memory is kept for `takeSpare`.
    mutating func setWhole(_ body: consuming ByteBuffer) {
        byteCount = body.readableBytes
        front = body
        keepsFront = true
        hasEnded = true
    }

    mutating func end() { hasEnded = true }

    /// An empty buffer, the one of the body before when it is large enough.
    mutating func takeSpare(_ allocator: ByteBufferAllocator, byteCount: Int) -> ByteBuffer {
        guard spare.capacity >= byteCount, spare.capacity > 0 else {
            return allocator.buffer(capacity: max(byteCount, 64))
        }
        var buffer = ByteBuffer()
        swap(&buffer, &spare)
        buffer.clear()
        return buffer
    }

    /// The next chunk, whole.
    mutating func popChunk() -> ByteBuffer? {
        guard byteCount > 0 else { return nil }
        let chunk = front
        byteCount -= chunk.readableBytes
        front = rest.popFirst() ?? ByteBuffer()
        return chunk
    }

    /// Copies what fits into a frame.
    mutating func fill(_ space: inout FrameSpace) -> BodyStep {
        while byteCount > 0, space.remaining > 0 {
            let count = min(space.remaining, front.readableBytes)
            space.append(front.readableBytesSpan.extracting(0..<count))
            byteCount -= count
            guard count == front.readableBytes else {
                front.moveReaderIndex(forwardBy: count)
                break
            }
            if keepsFront {
                // A whole body is all there is.
                if front.capacity <= Limits.HTTP.keptBodyByteCountMax {
                    swap(&front, &spare)
                } else {
                    front = ByteBuffer()
                }
                break
            }
            front = rest.popFirst() ?? ByteBuffer()
        }
        if byteCount > 0 { return .more }
        return hasEnded ? .end : .wait
    }
}
