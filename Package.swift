// swift-tools-version: 6.3
import PackageDescription

/// The instruction set every target is compiled for. Arithmetic gives the same bits on each of them
/// (`Tests/same-bits` shows it); only speed differs. `SLUICE_CPU=x86-64 swift build` for an older machine.
let cpu = Context.environment["SLUICE_CPU"] ?? "x86-64-v3"

#if arch(x86_64)
    let machine = ["-march=\(cpu)"]
#else
    let machine: [String] = []
#endif

/// One strict setting for all targets.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    // No fused multiply-add that a compiler chose: results would depend on the machine.
    .unsafeFlags((machine + ["-ffp-contract=off"]).flatMap { ["-Xcc", $0] }),
    // Generic functions and small accessors of one module are specialised where another calls them.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

func shared(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Shared/\(name)", swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
/// Only Transport may import these; `.ci/run` checks it.
let nio = ["NIOCore", "NIOPosix", "NIOHTTP1", "NIOConcurrencyHelpers"].map {
    Target.Dependency.product(name: $0, package: "swift-nio")
}

/// `Tests/fuzz` only: readers of what comes from disks, peers and operators, under libFuzzer and the address sanitizer.
let fuzzing: [Target] =
    Context.environment["SLUICE_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "fuzz-readers",
            dependencies: [
                "ParameterServer", "Compression", "Configuration", "DeltaFeed", "Domain", "Features", "Format",
                "Journal",
                "Transport",
            ],
            path: "Tests/Fuzzing", exclude: ["corpus"],
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library", "-sanitize=fuzzer,address"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])])
    ]

let package = Package(
    name: "sluice",
    products: [
        .library(name: "Scoring", targets: ["Scoring"]),
        .executable(name: "sluice", targets: ["sluice"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CKernels", path: "Sources/Shared/CKernels"),
        shared("Domain", ["CKernels"]),
        shared("Files", [system]),
        shared("Telemetry", [log]),
        shared("Configuration", ["Domain", .product(name: "Yams", package: "Yams")]),
        shared("Format", ["Domain", "CKernels"]),
        shared("Features", ["Domain", "CKernels"]),
        shared("Learning", ["Domain", "Format", "Features", "CKernels"]),
        shared("Fitting", ["Domain", "Features"]),
        shared("VowpalWabbit", ["Domain", "Features", "Files", "Format", "CKernels", system]),
        shared(
            "Scoring",
            [
                "Domain", "Configuration", "Files", "Format", "Features", "Learning", "CKernels",
                system,
            ]),
        .systemLibrary(name: "CNghttp2", path: "Sources/Shared/CNghttp2", pkgConfig: "libnghttp2"),
        shared("HTTP2", ["CNghttp2", "Domain"]),
        .systemLibrary(name: "CZlib", path: "Sources/Shared/CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CZstd", path: "Sources/Shared/CZstd", pkgConfig: "libzstd"),
        shared("Compression", ["CZlib", "CZstd"]),
        shared("Transport", ["Domain", "Files", "HTTP2", system] + nio),
        shared("DeltaFeed", ["Domain", "Format"]),
        shared("Journal", ["Domain", "Files", "Format", system]),
        .target(
            name: "ParameterServer",
            dependencies: [
                "Compression", "Domain", "Configuration", "Format", "Features", "Learning", "Scoring", "DeltaFeed",
                "Journal",
                "Transport", "Files", "Telemetry",
                system, log,
            ],
            path: "Sources/ServerNode/ParameterServer", swiftSettings: strict),
        .target(
            name: "PredictionWorker",
            dependencies: [
                "Domain", "Configuration", "Format", "Features", "Learning", "Scoring", "DeltaFeed", "Transport",
                "Files", "Telemetry",
                system, log,
            ],
            path: "Sources/WorkerNode/PredictionWorker", swiftSettings: strict),
        .executableTarget(
            name: "sluice-server",
            dependencies: [
                "ParameterServer", "PredictionWorker", "Configuration", "Domain", "Files", "Scoring", "Transport",
                "Telemetry", arguments, system,
            ],
            path: "Sources/ServerNode/Main", swiftSettings: strict),
        .executableTarget(
            name: "sluice-worker",
            dependencies: ["PredictionWorker", "Configuration", "Files", "Transport", "Telemetry", arguments, system],
            path: "Sources/WorkerNode/Main", swiftSettings: strict),
        .executableTarget(
            name: "sluice",
            dependencies: [
                "Compression", "Domain", "Configuration", "Files", "Fitting", "Format", "Features", "Learning",
                "Scoring", "Transport", "VowpalWabbit", arguments, system,
            ],
            path: "Sources/Console", exclude: ["README.md"], swiftSettings: strict),
        // A whole cluster in one thread, by seed: a library for the suites, a program for many seeds at full speed.
        .target(
            name: "ClusterSimulation",
            dependencies: [
                "ParameterServer", "Configuration", "DeltaFeed", "Domain", "Features", "Format", "Journal", "Learning",
                "Scoring", "TestSupport", "Transport", system,
            ],
            path: "Tests/ClusterSimulation", swiftSettings: strict),
        .executableTarget(
            name: "simulate", dependencies: ["ClusterSimulation"], path: "Tests/Simulate", swiftSettings: strict),
        tests("ProtocolTests", ["ClusterSimulation"]),
        // What suites of several modules read.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        tests("HTTP2Tests", ["HTTP2", "Domain", "TestSupport"]),
        tests("TransportTests", ["Transport", "Domain", "Files", system] + nio),
        tests("DomainTests", ["Domain"]),
        tests("CompressionTests", ["Compression", "CZlib", "CZstd"]),
        tests("FormatTests", ["Domain", "Format", "TestSupport"]),
        tests("FeaturesTests", ["Features", "Configuration", "Domain", "TestSupport", "CKernels"]),
        tests("FittingTests", ["Fitting", "Features", "Configuration", "Domain", "TestSupport"]),
        tests("VowpalWabbitTests", ["VowpalWabbit", "Files", system]),
        tests("LearningTests", ["Learning", "Features", "Format", "Domain", "TestSupport"]),
        tests("JournalTests", ["Journal", "Files", system]),
        tests("DeltaFeedTests", ["DeltaFeed", "Domain", "Format", "TestSupport"]),
        tests(
            "ParameterServerTests",
            [
                "ParameterServer", "Configuration", "DeltaFeed", "Domain", "Features", "Files", "Format", "Journal",
                "Learning", "TestSupport", "Transport", system,
            ] + nio),
        tests(
            "PredictionWorkerTests",
            [
                "PredictionWorker", "Configuration", "Domain", "Features", "Files", "Format", "Learning", "Scoring",
                "TestSupport", "Transport", system,
            ] + nio),
        tests(
            "RoadTests",
            [
                "ParameterServer", "PredictionWorker", "Configuration", "Domain", "Features", "Format", "Learning",
                "Scoring", "TestSupport", "Transport", system,
            ] + nio),
    ] + fuzzing,
    swiftLanguageModes: [.v6]
)
