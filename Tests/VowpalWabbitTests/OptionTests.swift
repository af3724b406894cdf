import Testing
import VowpalWabbit

@Suite("Vowpal Wabbit's options are taken as it takes them, or refused by name")
struct OptionTests {
    @Test(
        "short, long, joined and split forms say the same",
        arguments: [
            ["-b", "20"], ["-b20"], ["--bit_precision", "20"], ["--bit_precision=20"], ["-b=20"],
        ])
    func forms(_ arguments: [String]) throws { #expect(try VWOptions(arguments).bits == 20) }

    @Test("an option that is not taken is named", arguments: ["--oaa", "--bfgs", "-Z", "--dictionary"])
    func unknown(_ option: String) {
        let error = #expect(throws: VWError.self) { try VWOptions([option, "3"]) }
        #expect(error.map { "\($0)".contains("'\(option)'") } == true)
    }

    @Test(
        "values that are none are refused",
        arguments: [
            "-b x", "-b 0", "-b 40", "-l fast", "--passes -1", "--loss_function none", "--link none", "-q abc",
            "--affix 9a",
            "--quantile_tau 0.3", "--loss_function expectile", "--ftrl --coin", "--passes 2", "-b 18 -b 19",
            "--skips 1", "a b",
            "-d", "--ngram abcd", "a.vw.gz",
        ])
    func values(_ line: String) {
        #expect(throws: VWError.self) { try VWOptions(line.split(separator: " ").map(String.init)) }
    }

    @Test("naming a rule that is not the whole default one raises the rate to 10")
    func defaultRates() throws {
        #expect(try VWOptions([]).learningRate == 0.5)
        #expect(try VWOptions(["--adaptive"]).learningRate == 10)
        #expect(try VWOptions(["--adaptive", "--normalized"]).learningRate == 0.5)
        #expect(try VWOptions(["--sgd", "-l", "0.1"]).learningRate == 0.1)
        #expect(try VWOptions(["--sgd"]).initialT == 1)
    }

    @Test("a model keeps options by name, lists of namespaces joined and last")
    func kept() throws {
        let options = try VWOptions([
            "-q", "Tf", "-l", "0.3", "--ignore", "z", "--ignore", "q", "--cubic", "abc", "--ftrl_alpha", "2", "--ftrl",
        ])
        #expect(
            options.keptText
                == " --cubic abc --ftrl --learning_rate 0.300000011920929 --quadratic Tf --ignore qz")
    }

    @Test("where model and command line differ, the rate is the line's, bits are refused, crosses are the line's")
    func merged() throws {
        let kept = { (_: String) throws(VWError) in " --learning_rate 0.3 --quadratic ab --bit_precision 18" }
        let options = try VWOptions(["-i", "m", "-l", "0.1", "-q", "cd"], keptBy: kept)
        #expect(options.learningRate == 0.1)
        #expect(options.crosses.quadratic == ["cd"])
        #expect(options.warnings.count == 1)
        #expect(throws: VWError.self) { try VWOptions(["-i", "m", "-b", "20"], keptBy: kept) }
    }

    @Test("of terms with the same namespaces one is made, and one with a namespace twice is sorted")
    func crosses() throws {
        let crosses = try VWOptions(["-q", "ba", "-q", "ab", "--interactions", "aba"]).crosses
        #expect(crosses.terms == [Array("ab".utf8), Array("aab".utf8)])
        #expect(crosses.removedCount == 1)
        #expect(crosses.sortedCount == 1)
        #expect(try VWOptions(["-q", "ba", "-q", "ab", "--leave_duplicate_interactions"]).crosses.terms.count == 2)
    }
}
