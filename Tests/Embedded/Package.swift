// swift-tools-version: 6.3
import PackageDescription

// A program of another package that scores in memory: what Sluice's `Scoring` library is for.
let package = Package(
    name: "embedded",
    dependencies: [.package(name: "sluice", path: "../..")],
    targets: [
        .executableTarget(name: "embedded", dependencies: [.product(name: "Scoring", package: "sluice")])
    ],
    swiftLanguageModes: [.v6]
)
