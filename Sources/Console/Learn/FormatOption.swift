internal import ArgumentParser
internal import Features

/// How the examples of a file are written.
struct FormatOption: ParsableArguments {
    @Option(help: "vw (Vowpal Wabbit text), libsvm, libffm, criteo, csv or ndjson (docs/FORMAT.md).") var format =
        ExampleFormat.vw
}

extension ExampleFormat: ExpressibleByArgument {}
