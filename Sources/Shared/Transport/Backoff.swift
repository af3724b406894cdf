/// How long to wait before trying a peer again: doubling, with jitter, bounded.
///
/// Each wait is drawn from half to the whole of the current step, so that peers which failed together do not return
/// together. Randomness comes in, so that a test can replay it.
package struct Backoff {
    private let largest: Duration
    private let first: Duration
    private var step: Duration
    private var random: any RandomNumberGenerator

    package init(
        first: Duration = .milliseconds(50), largest: Duration = .seconds(5), random: any RandomNumberGenerator
    ) {
        precondition(first > .zero && first <= largest, "a backoff grows from its first step to its largest")
        self.first = first
        self.largest = largest
        self.step = first
        self.random = random
    }

    /// The next wait.
    package mutating func next() -> Duration {
        let share = Double.random(in: 0.5...1, using: &random)
        let wait = step * share
        step = min(largest, step * 2)
        return wait
    }

    /// After a success: the next failure waits the first step again.
    package mutating func reset() { step = first }
}
