internal import ArgumentParser
internal import Files
internal import SystemPackage
internal import VowpalWabbit

/// Vowpal Wabbit's command line, for scripts that have one.
struct VWCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vw", abstract: "Learn and predict with Vowpal Wabbit's options, files and models.",
        discussion: """
            Takes what docs/VOWPAL_WABBIT.md lists: -d, -f, -i, -p, -t, -b, -q, --loss_function, --ftrl and the like. An option that is not
            there is refused by name. Reads and writes Vowpal Wabbit's models; 'sluice import vw' makes one a model for workers.
            """)

    @Argument(parsing: .captureForPassthrough, help: "Vowpal Wabbit's own options.") var options: [String] = []

    func run() async throws {
        if options.contains("-h") || options.contains("--help") { throw CleanExit.helpRequest(self) }
        do {
            let run = try VWRun(
                options, tell: { writeNow($0, to: .standardError) }, say: { writeNow($0, to: .standardOutput) })
            try await run.run()
        } catch let error as VWError {
            guard case .usage(let sentence) = error else { throw CommandFailure("\(error)", isFinal: true) }
            report("Error: \(sentence)")
            throw ExitCode(ExitCode.validationFailure.rawValue)
        }
    }
}

/// Text on a standard stream; a reader that went away is no error of ours.
private func writeNow(_ text: String, to stream: FileDescriptor) { _ = try? stream.writeAll(text.utf8) }
