internal import ArgumentParser
internal import Glibc
internal import SystemPackage

struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Write a click stream: Zipf ids, a hidden model that drifts.")

    @Option(name: [.customShort("n"), .long], help: "How many examples.") var examples = 100_000
    @Option(help: "The same seed gives the same stream.") var seed: UInt64 = 7
    @Option(help: "Examples after which the drifting half of the hidden model is another.") var drift = 200_000

    func validate() throws {
        guard examples >= 0, drift > 0 else { throw ValidationError("--examples and --drift must be positive") }
    }

    func run() async throws {
        var stream = ClickStream(seed: seed, driftExampleCount: drift)
        var text: [UInt8] = []
        for e in 0..<examples {
            stream.appendLine(to: &text)
            if text.count > 1 << 16 || e == examples - 1 {
                do { try FileDescriptor.standardOutput.writeAll(text) } catch Errno.brokenPipe { return }
                text.removeAll(keepingCapacity: true)
            }
        }
    }
}

func exponential(_ x: Double) -> Double { exp(x) }
func raise(_ base: Double, _ power: Double) -> Double { pow(base, power) }
