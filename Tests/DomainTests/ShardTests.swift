import Domain
import Testing

@Suite("Shards divide the index space: every index is one row of one shard")
struct ShardTests {
    @Test("each index once, rows dense from 0 on", arguments: [1, 2, 4, 8])
    func division(count: Int) {
        var found: [Int] = []
        for number in 0..<count {
            let shard = Shard(number, of: count)
            for row in 0..<64 / count { found.append(shard.index(ofRow: row)) }
        }
        #expect(found.sorted() == Array(0..<64))
    }

    @Test("the rows of a range of indices are those whose indices are in it", arguments: [1, 2, 4])
    func ranges(count: Int) {
        for number in 0..<count {
            let shard = Shard(number, of: count)
            for first in 0..<20 {
                for end in first...20 {
                    let expected = (0..<20).filter { (first..<end).contains(shard.index(ofRow: $0)) }
                    #expect(Array(shard.rows(of: first..<end)) == expected, "\(number) of \(count): \(first)..<\(end)")
                }
            }
        }
    }
}
