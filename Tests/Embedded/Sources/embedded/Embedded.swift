import Glibc
import Scoring

/// Scores lines of standard input with a saved model, one probability a line, without a server.
@main
struct Embedded {
    static func main() {
        do {
            let model = try Model(contentsOf: CommandLine.arguments[1])
            var scorer = Scorer(model)
            while let line = readLine() {
                print(try scorer.probabilities(of: [line])[0])
            }
        } catch {
            print("embedded: \(error)")
            exit(1)
        }
    }
}
