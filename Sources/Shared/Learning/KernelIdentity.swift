internal import Domain
internal import Features

/// What this build's kernels compute, as a number: nodes whose numbers differ would learn other bits.
///
/// A thousand examples drawn from a fixed sequence, learned by every rule; the number is a hash of all weights. About a
/// millisecond.
package func kernelIdentity() -> UInt64 {
    var state: UInt64 = 1
    func next() -> UInt64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
    var batch = ExampleBatch()
    for _ in 0..<1000 {
        let count = Int(next() % 24)
        batch.append(
            label: Float(next() & 1), importance: Float(1 + next() % 3),
            indices: (0..<count).map { _ in UInt32(next() % 512) },
            values: (0..<count).map { _ in Float(Int64(next() % 2001) - 1000) / 256 + 1 / 1024 })
    }
    let rules: [ModelSpec.Learner] = [
        .ftrl(alpha: 0.4, beta: 1, l1: 0, l2: 0), .ftrl(alpha: 0.1, beta: 0.3, l1: 0.01, l2: 0.1),
        .adagrad(rate: 0.25), .nag(rate: 0.5),
    ]
    var sum: UInt128 = 0
    for rule in rules {
        var spec = ModelSpec()
        spec.bits = 9
        spec.learner = rule
        var learner = Learner(spec)
        learner.learn(batch)
        sum = sum &* 31 &+ learner.digest.sum
    }
    return UInt64(truncatingIfNeeded: sum ^ (sum >> 64))
}
