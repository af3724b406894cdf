internal import ArgumentParser
internal import Foundation

/// A node as a child process; its first line of output says that it answers.
final class NodeProcess {
    let name: String
    private let process = Process()
    private let output = Pipe()

    /// - Parameter program: beside this program.
    init(_ program: String, name: String, arguments: [String], log: URL) throws {
        self.name = name
        let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        process.executableURL = here.appendingPathComponent(program)
        process.arguments = arguments
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: log)
        do { try process.run() } catch {
            throw CommandFailure("\(program) does not start: \(error); build it with 'swift build -c release'")
        }
    }

    /// Waits for the line that says the node answers.
    func waitUntilListening(log: URL) throws -> String {
        var line: [UInt8] = []
        while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        guard !line.isEmpty else {
            // Without a log the sentence stands without a reason.
            let reason = (try? String(contentsOf: log, encoding: .utf8))?.split(separator: "\n").last ?? ""
            throw CommandFailure("\(name) did not start: \(reason)")
        }
        return String(decoding: line, as: UTF8.self)
    }

    var isRunning: Bool { process.isRunning }

    /// Asks it to drain.
    func terminate() { if process.isRunning { process.terminate() } }

    /// - Returns: whether it ended by itself with exit status 0 within the time.
    func waitUntilEnded(seconds: Double) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while process.isRunning && Date() < deadline { usleep(20_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        return process.terminationReason == .exit && process.terminationStatus == 0
    }
}
