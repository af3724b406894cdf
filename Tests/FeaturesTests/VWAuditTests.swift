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
    var description: String { audit }

    /// The cases whose options are hashing and no interaction that adds features to the audit.
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
            return one
        }
    }()
}

@Suite("Features are Vowpal Wabbit's, bit for bit")
struct VWAuditTests {
    @Test("every plain feature of an audit has our index and value", .enabled(if: hasData), arguments: AuditCase.all)
    func audit(_ one: AuditCase) throws {
        var spec = ModelSpec()
        spec.bits = 24
        spec.hashing = one.hashing
        let input = try String(contentsOfFile: dataFolder + "/vw_audit/" + one.input, encoding: .utf8)
        let audit = try String(contentsOfFile: dataFolder + "/vw_audit/" + one.audit, encoding: .utf8)
        let expected = audit.split(separator: "\n").filter { $0.hasPrefix("\t") }.map(Self.plainFeatures)

        var parser = VWTextParser(spec, purpose: .scoring)
        var window = ByteWindow(input.utf8)
        var batch = ExampleBatch()
        var errors = LineErrors()
        _ = parser.parse(&window, endsText: true, firstLine: 1, into: &batch, errors: &errors)
        #expect(errors.count == 0)
        try #require(batch.exampleCount == expected.count)
        for e in 0..<batch.exampleCount {
            let ours = batch.features(of: e).map { "\($0.index):\(String(format: "%.6g", $0.value))" }
            #expect(ours == expected[e], "example \(e + 1)")
        }
    }

    /// `namespace^name:index:value:weight`; the constant is the last plain feature, crosses stand behind it.
    private static func plainFeatures(_ line: Substring) -> [String] {
        let fields = line.dropFirst().split(separator: "\t").map {
            $0.split(separator: ":", omittingEmptySubsequences: false)
        }
        let end = (fields.firstIndex { $0[0] == "Constant" } ?? fields.count - 1) + 1
        return fields[..<end].compactMap { parts in
            guard let value = Double(parts[parts.count - 2]) else { return nil }
            return "\(parts[parts.count - 3]):\(String(format: "%.6g", value))"
        }
    }
}
