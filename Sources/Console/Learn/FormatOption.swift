internal import ArgumentParser
internal import Features

/// How the examples of a file are written.
struct FormatOption: ParsableArguments {
    @Option(help: "vw (Vowpal Wabbit text), libsvm, libffm or criteo.") var format = ExampleFormat.vw
}

extension ExampleFormat: ExpressibleByArgument {}
