/// Sets the bit of every index, and the summary bit of its block of 4096.
///
/// - Precondition: every index is below 64 times the count of `words`.
func markRows(_ indices: Span<UInt32>, _ words: inout [UInt64], _ summary: inout [UInt64]) {
    unsafe indices.withUnsafeBufferPointer { indices in
        unsafe words.withUnsafeMutableBufferPointer { words in
            unsafe summary.withUnsafeMutableBufferPointer { summary in
                guard let rows = words.baseAddress, let blocks = summary.baseAddress else { return }
                for k in 0..<indices.count {
                    let index = unsafe Int(indices[k])
                    unsafe rows[index &>> 6] |= 1 &<< UInt64(index & 63)
                    unsafe blocks[index &>> 18] |= 1 &<< UInt64((index &>> 12) & 63)
                }
            }
        }
    }
}
