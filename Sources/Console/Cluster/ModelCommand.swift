internal import ArgumentParser
internal import Domain
internal import Foundation

/// What an operator does to a model that learns.
struct ModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Create or delete a model, roll it back, freeze it, change its rates.",
        subcommands: [Create.self, Delete.self, Rollback.self, Freeze.self, Thaw.self, Rates.self])

    /// Where a model is.
    struct Place: ParsableArguments {
        @Option(help: "HOST:PORT of a server node.") var server = "127.0.0.1:9000"
        @Argument(help: "The model.") var model: String

        /// Commands the model and prints the version that has it.
        @discardableResult
        func command(_ suffix: String, body: String? = nil, _ done: String) async throws -> [String: Any] {
            let answer = try await post(suffix, body: body)
            print("\(model): \(done); version \((answer["version"] as? NSNumber)?.stringValue ?? "?")")
            return answer
        }

        func post(_ suffix: String, body: String? = nil) async throws -> [String: Any] {
            let path = try modelPath(model) + suffix
            return try await NodeClient.connect(server, commandLoops).json(
                .post, path, body: body, timeout: .seconds(3600))
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Create a model; one that is there with this spec stays as it is.",
            discussion: "Its owners are what the cluster file says.")
        @OptionGroup var place: Place
        @OptionGroup var options: ModelOptions

        func run() async throws {
            let spec = try options.readSpec().yaml
            let model = try await NodeClient.connect(place.server, commandLoops).json(
                .put, try modelPath(place.model), body: spec, timeout: .seconds(60))
            let state = model["frozen"] as? Bool == true ? "frozen" : model["state"] as? String ?? "?"
            print("\(place.model): \(state); version \((model["version"] as? NSNumber)?.stringValue ?? "?")")
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a model: what it learned, its snapshots, and who trained it.",
            discussion: "Workers serve its last version until they restart.")
        @OptionGroup var place: Place

        func run() async throws {
            _ = try await NodeClient.connect(place.server, commandLoops).json(
                .delete, try modelPath(place.model), timeout: .seconds(60))
            print("\(place.model): deleted")
        }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a model what it was when a kept snapshot was taken.",
            discussion: """
                `sluice snapshot list` tells the versions. The model's version rises, workers take a copy and go on answering
                meanwhile. What trainers sent since is not learned again: they are told that it is a duplicate.
                """)
        @OptionGroup var place: Place
        @Option(help: "The snapshot's version.") var to: UInt64

        func run() async throws {
            try await place.command(":rollback?to=\(to)", "rolled back to \(to)")
        }
    }

    struct Freeze: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Learn nothing more until the model is thawed; trainers are refused, workers answer as before.")
        @OptionGroup var place: Place
        func run() async throws { try await place.command(":freeze", "frozen") }
    }

    struct Thaw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a frozen model learn again.")
        @OptionGroup var place: Place
        func run() async throws { try await place.command(":thaw", "thawed") }
    }

    struct Rates: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the rates of a model's learner while it learns.",
            discussion: "Rates that are not named stay. Workers take a copy, since every weight may change.")
        @OptionGroup var place: Place
        @Option(help: "FTRL: the step size.") var alpha: Float?
        @Option(help: "FTRL: smooths the first steps.") var beta: Float?
        @Option(name: .customLong("l1"), help: "FTRL: weights below it are 0.") var l1: Float?
        @Option(name: .customLong("l2"), help: "FTRL: pulls weights to 0.") var l2: Float?
        @Option(help: "AdaGrad, NAG: the step size.") var rate: Float?

        func run() async throws {
            let rates = [("alpha", alpha), ("beta", beta), ("l1", l1), ("l2", l2), ("rate", rate)]
            let named = rates.compactMap { name, value in value.map { "\(name): \($0)" } }
            guard !named.isEmpty else { throw ValidationError("name a rate: --alpha, --beta, --l1, --l2 or --rate") }
            try await place.command(":rates", body: named.joined(separator: "\n"), named.joined(separator: ", "))
        }
    }
}

/// Takes a trainer's batches back.
struct UnlearnCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unlearn",
        abstract: "Learn again what was learned since a version, without one trainer's batches.",
        discussion: """
            Restores the newest kept snapshot that is not behind the version, and learns from the nodes' tapes what was learned
            since. The model takes no traffic meanwhile; workers answer all along. Refused, with what is missing, where tapes or
            snapshots do not reach back.
            """)
    @OptionGroup var place: ModelCommand.Place
    @Option(help: "Whose batches.") var trainer: String
    @Option(help: "The version that had none of them.") var since: UInt64

    func validate() throws {
        guard ModelName(trainer) != nil else { throw ValidationError("'\(trainer)' is no trainer's name") }
    }

    func run() async throws {
        let (path, server) = (try modelPath(place.model), place.server)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    try await Task.sleep(for: .seconds(1))
                    // The command itself says what is wrong.
                    let model = try? await NodeClient.connect(server, commandLoops).json(.get, path)
                    guard let progress = model?["unlearning"] as? [String: Any] else { continue }
                    report("\(progress["done"] ?? 0) of \(progress["of"] ?? 0) batches")
                }
            }
            let answer = try await place.command(
                ":unlearn?trainer=\(trainer)&since=\(since)", "un-learned what \(trainer) sent since \(since)")
            let before = (answer["before"] as? NSNumber)?.stringValue ?? "?"
            print("as it was before it is kept: sluice model rollback \(place.model) --to \(before)")
            group.cancelAll()
        }
    }
}

/// Snapshots of a model.
struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Take a snapshot of a model, or list those kept.",
        subcommands: [Take.self, List.self])

    struct Take: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a snapshot now; ends when it is on the disks.")
        @OptionGroup var place: ModelCommand.Place
        func run() async throws { try await place.command("/snapshots", "snapshot kept") }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The snapshots that a model can be rolled back to.")
        @OptionGroup var place: ModelCommand.Place

        func run() async throws {
            let path = try modelPath(place.model) + "/snapshots"
            let answer = try await NodeClient.connect(place.server, commandLoops).json(.get, path)
            let rows = (answer["snapshots"] as? [[String: Any]] ?? []).map { snapshot in
                let at = (snapshot["at_ms"] as? NSNumber).map { Date(timeIntervalSince1970: $0.doubleValue / 1000) }
                return [
                    (snapshot["version"] as? NSNumber)?.stringValue ?? "?",
                    (snapshot["examples"] as? NSNumber)?.stringValue ?? "?",
                    at.map { $0.formatted(.iso8601) } ?? "?",
                ]
            }
            printTable(["VERSION", "EXAMPLES", "AT"], rows)
        }
    }
}
