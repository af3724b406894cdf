internal import CNghttp2
internal import Glibc

/// Memory of one session for the library, which takes and gives back about ten small blocks a request.
///
/// Blocks come in classes of 64 bytes; what is given back waits in its class for the next request, without a lock and
/// without the C library's sorting of free blocks. The most that waits in a class is what the session once had in use of
/// it. Larger blocks are the C library's. One thread, as the session itself.
///
/// Safe because every block is one that `take` made, with its class in front of it, and the library gives each back once
/// before the session's `deinit` frees what waits.
@safe final class LibraryMemory {
    /// Blocks above it are not kept.
    private static let keptByteCountMax = 1024
    private static let classByteCount = 64
    private static let classCount = keptByteCountMax / classByteCount
    /// In front of each block, and a multiple of the strictest alignment.
    private static let headByteCount = 16

    /// The first free block of each class; each holds the address of the next.
    private let free: UnsafeMutablePointer<UnsafeMutableRawPointer?>

    init() {
        unsafe free = .allocate(capacity: Self.classCount)
        unsafe free.initialize(repeating: nil, count: Self.classCount)
    }

    deinit {
        for place in 0..<Self.classCount {
            var next = unsafe free[place]
            while let block = unsafe next {
                unsafe next = block.load(as: UnsafeMutableRawPointer?.self)
                unsafe Glibc.free(block - Self.headByteCount)
            }
        }
        unsafe free.deallocate()
    }

    /// The library's view of this object, which must outlive every session that was given it.
    var callbacks: nghttp2_mem {
        unsafe nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { byteCount, user in
                unsafe LibraryMemory.of(user)._withUnsafeGuaranteedRef { unsafe $0.take(byteCount) }
            },
            free: { block, user in unsafe LibraryMemory.of(user)._withUnsafeGuaranteedRef { unsafe $0.giveBack(block) }
            },
            calloc: { count, byteCount, user in
                unsafe LibraryMemory.of(user)._withUnsafeGuaranteedRef { unsafe $0.takeZeroed(count, byteCount) }
            },
            realloc: { block, byteCount, user in
                unsafe LibraryMemory.of(user)._withUnsafeGuaranteedRef { unsafe $0.resize(block, byteCount) }
            })
    }

    private static func of(_ user: UnsafeMutableRawPointer?) -> Unmanaged<LibraryMemory> {
        guard let user = unsafe user else { preconditionFailure("the library lost the session's memory") }
        return unsafe Unmanaged.fromOpaque(user)
    }

    private func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let place = max(0, byteCount - 1) / Self.classByteCount
        let isKept = place < Self.classCount
        if isKept, let block = unsafe free[place] {
            unsafe free[place] = block.load(as: UnsafeMutableRawPointer?.self)
            return unsafe block
        }
        let capacity = isKept ? (place + 1) * Self.classByteCount : byteCount
        guard capacity <= .max - Self.headByteCount, let head = unsafe malloc(Self.headByteCount + capacity) else {
            return nil
        }
        unsafe head.storeBytes(of: capacity, as: Int.self)
        return unsafe head + Self.headByteCount
    }

    private func giveBack(_ block: UnsafeMutableRawPointer?) {
        guard let block = unsafe block else { return }
        let capacity = unsafe capacity(of: block)
        guard capacity <= Self.keptByteCountMax else { return unsafe Glibc.free(block - Self.headByteCount) }
        let place = capacity / Self.classByteCount - 1
        unsafe block.storeBytes(of: free[place], as: UnsafeMutableRawPointer?.self)
        unsafe free[place] = block
    }

    private func takeZeroed(_ count: Int, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        let (total, overflows) = count.multipliedReportingOverflow(by: byteCount)
        guard !overflows, let block = unsafe take(total) else { return nil }
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: total)
        return unsafe block
    }

    private func resize(_ block: UnsafeMutableRawPointer?, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard let block = unsafe block else { return unsafe take(byteCount) }
        let capacity = unsafe capacity(of: block)
        if byteCount <= capacity { return unsafe block }
        guard let larger = unsafe take(byteCount) else { return nil }
        unsafe larger.copyMemory(from: block, byteCount: capacity)
        unsafe giveBack(block)
        return unsafe larger
    }

    private func capacity(of block: UnsafeMutableRawPointer) -> Int {
        unsafe (block - Self.headByteCount).load(as: Int.self)
    }
}
