import Domain
import Features
import Foundation
import Testing

/// Where the real streams are, if they are: `SLUICE_DATA`, or `../shared/data` beside the checkout.
let dataFolder = ProcessInfo.processInfo.environment["SLUICE_DATA"] ?? "../shared/data"
let hasData = FileManager.default.fileExists(atPath: dataFolder + "/vw_audit/audit.json")

struct AuditCase: Sendable, CustomStringConvertible {
    var input: String
    var audit: String
    var hashing = ModelSpec.Hashing()
    var crosses: [Cross] = []
    var description: String { audit }

    /// All cases.
    static let all: [AuditCase] = {
        guard let data = FileManager.default.contents(atPath: dataFolder + "/vw_audit/audit.json"),
            let list = try? JSONSerialization.jsonObject(with: data) as? [[String: String]]
        else {
            print("SKIPPED ALOUD: no \(dataFolder)/vw_audit; hashes are not held against Vowpal Wabbit's")
            return []
        }
        return list.compactMap { entry in
            guard let input = entry["input"], let audit = entry["audit"], let options = entry["options"] else {
                return nil
            }
            var one = AuditCase(input: input, audit: audit)
            if options.contains("--hash all") { one.hashing.mode = .all }
            if options.contains("--hash_seed 7") { one.hashing.seed = 7 }
            let words = options.split(separator: " ")
            for (option, term) in zip(words, words.dropFirst())
            where ["-q", "--cubic", "--interactions"].contains(option) {
                guard let cross = Cross(String(term)) else { continue }
                one.crosses.append(cross)
            }
            return one
        }
    }()
}

@Suite("Features are Vowpal Wabbit's, bit for bit")
struct VWAuditTests {
    @Test(
        "every feature of an audit, crosses too, has our index and value", .enabled(if: hasData),
        arguments: AuditCase.all)
    func audit(_ one: AuditCase) throws {
        var spec = ModelSpec()
        spec.bits = 24
        spec.hashing = one.hashing
        spec.crosses = one.crosses
        let input = try String(contentsOfFile: dataFolder + "/vw_audit/" + one.input, encoding: .utf8)
        let audit = try String(contentsOfFile: dataFolder + "/vw_audit/" + one.audit, encoding: .utf8)
        let expected = audit.split(separator: "\n").filter { $0.hasPrefix("\t") }.map(Self.features)

        var parser = VWTextParser(spec, purpose: .scoring)
        var window = ByteWindow(input.utf8)
        var batch = ExampleBatch()
        var errors = LineErrors()
        _ = parser.parse(&window, endsText: true, firstLine: 1, into: &batch, errors: &errors)
        #expect(errors.count == 0)
        try #require(batch.exampleCount == expected.count)
        for e in 0..<batch.exampleCount {
            let ours = batch.features(of: e).map { "\($0.index):\(String(format: "%.6g", $0.value))" }
            // Terms of wildcards come in another order; whatever the order, the features are the same.
            #expect(
                one.crosses.contains { $0.text.contains(":") }
                    ? ours.sorted() == expected[e].sorted() : ours == expected[e], "example \(e + 1)")
        }
    }

    @Test(
        "and its name, for people who ask why", .enabled(if: hasData),
        arguments: AuditCase.all.filter { !$0.audit.contains("seed7") && !$0.audit.contains("hash_all") })
    func names(_ one: AuditCase) throws {
        var spec = ModelSpec()
        spec.bits = 24
        spec.hashing = one.hashing
        spec.crosses = one.crosses
        let input = try String(contentsOfFile: dataFolder + "/vw_audit/" + one.input, encoding: .utf8)
        let audit = try String(contentsOfFile: dataFolder + "/vw_audit/" + one.audit, encoding: .utf8)
        let expected = audit.split(separator: "\n").filter { $0.hasPrefix("\t") }.map { line in
            line.dropFirst().split(separator: "\t").map { field in
                field.split(separator: ":", omittingEmptySubsequences: false).dropLast(3).joined(separator: ":")
            }
        }
        var names = FeatureNames(spec)
        var found: [[String]] = []
        for line in input.split(separator: "\n", omittingEmptySubsequences: false) {
            let features = try names.features(of: String(line))
            if !features.isEmpty { found.append(features.map(\.name)) }
        }
        try #require(found.count == expected.count)
        for (ours, theirs) in zip(found, expected) {
            #expect(one.crosses.contains { $0.text.contains(":") } ? ours.sorted() == theirs.sorted() : ours == theirs)
        }
    }

    /// `namespace^name:index:value:weight`; crosses stand behind the constant.
    private static func features(_ line: Substring) -> [String] {
        line.dropFirst().split(separator: "\t").compactMap { field in
            let parts = field.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count >= 3, let value = Double(parts[parts.count - 2]) else { return nil }
            return "\(parts[parts.count - 3]):\(String(format: "%.6g", value))"
        }
    }
}
