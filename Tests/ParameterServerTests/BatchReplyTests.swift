internal import Domain
internal import Features
internal import ParameterServer
internal import Testing

@Suite("Each batch is answered with one line of JSON, as docs/API.md has it")
struct BatchReplyTests {
    private func line(_ outcome: BatchOutcome, of text: String = "1 |a x\n", number: UInt64? = 3) throws -> String {
        BatchReply(try batch(text, .small()), number: number).line(outcome)
    }
    private let learned = BatchOutcome.learned(Version(998), History(0x9f))

    @Test("learned: version, history and how many lines")
    func learnedLine() throws {
        #expect(
            try line(learned, of: "1 |a x\n-1 |a y\n")
                == """
                {"sequence":3,"outcome":"learned","version":998,"history":"000000000000009f","examples":2,"refused":0}

                """)
    }

    @Test("learned: bad lines by place and reason")
    func errors() throws {
        let text = try line(learned, of: "1 |a x\noops |a\n1 |a y:nan\n")
        #expect(text.hasPrefix("{\"sequence\":3,\"outcome\":\"learned\","))
        #expect(text.contains("\"examples\":1,\"refused\":2,\"errors\":[{\"line\":2,\"column\":1,\"reason\":\""))
        #expect(text.contains("{\"line\":3,\"column\":8,\"reason\":\"the value is NaN\"}]"))
        #expect(text.hasSuffix("}\n") && text.filter(\.isNewline).count == 1)
    }

    @Test("learned: the first 32 bad lines are told, all are counted")
    func manyErrors() throws {
        let text = try line(learned, of: String(repeating: "oops\n", count: 100))
        #expect(text.contains("\"examples\":0,\"refused\":100,"))
        #expect(text.components(separatedBy: "\"column\"") == 33)
    }

    @Test("duplicate, gap and conflict")
    func others() throws {
        #expect(
            try line(.duplicate(Version(7), History(1)))
                == "{\"sequence\":3,\"outcome\":\"duplicate\",\"version\":7,\"history\":\"0000000000000001\"}\n")
        #expect(try line(.gap(next: 2)) == "{\"sequence\":3,\"outcome\":\"gap\",\"next\":2}\n")
        #expect(try line(.conflict).hasPrefix("{\"sequence\":3,\"outcome\":\"conflict\","))
    }

    @Test("a post without a trainer's name has no sequence")
    func unnamed() throws {
        #expect(try line(learned, number: nil).hasPrefix("{\"outcome\":\"learned\","))
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> Int { split(separator: separator).count }
}
