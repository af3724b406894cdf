import Testing
import VowpalWabbit

@Suite("A run reads, tells and keeps what Vowpal Wabbit does")
struct RunTests {
    @Test("tags, initial predictions, lines without a label, importance below 0, empty lines")
    func corners() async throws {
        let folder = try Folder()
        try folder.write("1 2 0.5 'one |a x\n\n|a x\n1 -1 two|a y\n-1 |a x:0 y\n  1 |a x", to: "examples")
        try await folder.run("-d @examples --loss_function logistic -p @p -P 1 --noconstant")
        let lines = String(decoding: try folder.bytes("p"), as: UTF8.self).split(separator: "\n")
        try #require(lines.count == 5)
        #expect(lines[0] == "0.500000 one")
        #expect(lines[2] == "0 two")
        #expect(lines[3] == "0")
        #expect(folder.told.contains("number of examples = 5\n"))
        #expect(folder.told.contains("weighted example sum = 4.000000\n"))
        #expect(folder.said.contains("[warning] Example has an invalid importance weight (-1)"))
    }

    @Test("what is malformed is told, and the line is learned up to there")
    func malformed() async throws {
        let folder = try Folder()
        try folder.write("1 |a x:0.5 y:1:2 z\n1 |a x\n", to: "examples")
        try await folder.run("-d @examples -P 1")
        #expect(folder.said.contains("[warning] malformed example!"))
        #expect(folder.said.contains("in Example #0: \"|a x:0.5 y:1:2 z\""))
        #expect(folder.told.contains("total feature number = 5\n"))
    }

    @Test("passes read a cache, hold every tenth example out, and stop when that gets no better")
    func passes() async throws {
        let folder = try Folder()
        let lines = (0..<40).map { "\($0 % 2) |a f\($0 % 5) g\($0 % 2)\n" }.joined()
        try folder.write(lines, to: "examples")
        try await folder.run("-d @examples --passes 50 --cache_file @cache -k -f @model")
        #expect(folder.told.contains("creating cache_file = "))
        #expect(folder.told.contains("number of examples per pass = 36\n"))
        #expect(folder.told.contains(" h\n"))
        // Without the text: the cache stands for it.
        try await folder.run("-d @nothing --cache_file @cache --passes 2 --holdout_off")
        #expect(folder.told.contains("using cache_file = "))
        #expect(folder.told.contains("number of examples per pass = 40\n"))
    }

    @Test("every cut and every flipped bit of a cache is refused")
    func caches() async throws {
        let folder = try Folder()
        try folder.write("1 'tag |a x y:2\n-1 |b z\n", to: "examples")
        try await folder.run("-d @examples --cache_file @cache --passes 2 --quiet")
        let whole = try folder.bytes("cache")
        for count in whole.indices {
            try folder.write(Array(whole[..<count]), to: "cache")
            await #expect(throws: VWError.self, "cut at \(count)") {
                try await folder.run("-d @examples --cache_file @cache --quiet")
            }
        }
        // Fewer bits in the head make it an old cache, which is replaced.
        for place in whole.indices where !(20..<24).contains(place) {
            var damaged = whole
            damaged[place] ^= 0x04
            try folder.write(damaged, to: "cache")
            await #expect(throws: VWError.self, "flipped at \(place)") {
                try await folder.run("-d @examples --cache_file @cache --quiet")
            }
        }
    }

    @Test("a feature has Vowpal Wabbit's name and index")
    func audit() async throws {
        let folder = try Folder()
        try folder.write("1 |ns abc |namespace feature |n feature | a b c\n", to: "examples")
        try await folder.run("-d @examples --audit --quiet")
        // The vectors of Vowpal Wabbit's own issues 1385, 1125 and 4478.
        for feature in [
            "ns^abc:16258:", "namespace^feature:242309:", "n^feature:35795:", "\ta:92594:", "\tb:163331:",
            "\tc:185951:",
            "Constant:116060:",
        ] { #expect(folder.said.contains(feature), "\(feature)") }
    }

    @Test(
        "options apart and together predict what Vowpal Wabbit 9.11.9 predicts",
        arguments: [
            ("--loss_function logistic --max_prediction 0.7", [0, 0.594042, 0]),
            ("--sgd -l 0.3 --ignore_linear b -q ab", [0, 0.636396, 0.281664]),
            ("--coin --loss_function logistic", [0, 0, 0.333333]),
            ("--ftrl", [0, 0.583333, -0.426992]),
            ("--coin --binary", [-1, 1, 1]),
            ("--affix +1a,-1b --hash all", [0, 0.524023, -0.305140]),
            ("--ngram 2 --skips 1 -q aa", [0, 0.515162, -0.041422]),
            ("-q :: --keep a", [0, 0.823862, 0.221632]),
            ("--pistol --l1 0.01", [0, 1, -0.845971]),
            ("--adaptive --power_t 0.3 -l 0.2", [0, 0.463902, -0.360916]),
            ("--normalized --power_t 0.3 -l 0.2 --loss_function hinge", [0, 0.175786, -0.033100]),
            ("--l1 0.01 --l2 0.01", [0, 0.467789, -0.204618]),
            ("--initial_t 5", [0, 0.385456, -0.220308]),
            ("--interactions abb --noconstant", [0, 0.269231, -0.164243]),
        ] as [(String, [Float])])
    func options(_ options: String, _ expected: [Float]) async throws {
        let folder = try Folder()
        try folder.write("1 |a x y:0.5 |b z\n-1 |a y z |b w\n1 |a x |b w:2\n", to: "examples")
        try await folder.run("-d @examples -p @p --quiet \(options)")
        for (ours, theirs) in zip(try folder.predictions("p"), expected) { #expect(abs(ours - theirs) < 1e-3) }
    }

    @Test("predictions are printed as Vowpal Wabbit prints them")
    func predictionFiles() async throws {
        let folder = try Folder()
        try folder.write("1 1 1.5 |a x\n1 1 -0.25 |a x\n1 1 12345.678 |a x\n1 1 3 |a x\n", to: "examples")
        try await folder.run("-d @examples -t -r @raw --quiet")
        #expect(String(decoding: try folder.bytes("raw"), as: UTF8.self) == "1.500000\n-0.250000\n12345.677734\n3\n")
    }
}
