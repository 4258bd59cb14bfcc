// swift-tools-version: 6.2
import PackageDescription

// A table of arrows: one line a target, ordered by storey, and an arrow only goes down. TidyTests compare every
// `import` with its line here.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func module(_ name: String, _ arrows: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: arrows, swiftSettings: strict)
}

func program(_ name: String, _ arrows: [Target.Dependency], path: String? = nil) -> Target {
    .executableTarget(name: name, dependencies: arrows, path: path, swiftSettings: strict)
}

/// A C library behind a module map; the `link` lines stand in the map, since Avahi's pkg-config flags make SwiftPM
/// warn.
func library(_ name: String) -> Target {
    .systemLibrary(name: name)
}

func kit(_ name: String, _ arrows: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: arrows, path: "Tests/\(name)", swiftSettings: strict)
}

func tests(_ name: String, _ arrows: [Target.Dependency]) -> Target {
    .testTarget(name: "\(name)Tests", dependencies: arrows, swiftSettings: strict)
}

let package = Package(
    name: "lanspread",
    products: [
        .executable(name: "lanspreadd", targets: ["lanspreadd"]),
        .executable(name: "lanspreadctl", targets: ["lanspreadctl"]),
        .executable(name: "lanspread-unpack", targets: ["lanspread-unpack"]),
    ],
    targets: [
        // C: one outside library each, seen by one target above.
        library("CLinux"),
        library("CGnuTLS"),
        library("CNgtcp2"),
        library("CAvahi"),
        library("CArchive"),
        library("CSQLite"),
        library("CSystemd"),
        library("CInih"),

        // L0: words, values and the machine.
        module("Linux", ["CLinux"]),
        module("Model"),
        module("Runtime", ["Linux"]),
        module("Supervision", ["Runtime"]),
        module("Wire", ["Model"]),
        module("Control", ["Model"]),

        // L1: one outside thing each.
        module("Storage", ["Model", "Linux"]),
        module("Database", ["Model", "Runtime", "Linux", "CSQLite"]),
        module("Settings", ["Model", "CInih"]),
        module("Unpack", ["Model", "Runtime", "Linux"]),
        module("Archive", ["Model", "CArchive"]),
        module("Crypto", ["Model", "CGnuTLS"]),
        module("Mdns", ["Runtime", "Linux", "CAvahi"]),
        module("Quic", ["Runtime", "Linux", "Crypto", "CNgtcp2"]),
        module("Systemd", ["Runtime", "Linux", "CSystemd"]),

        // L2: chunks, peers' requests, control sessions.
        module("PeerLink", ["Linux", "Model", "Runtime", "Wire", "Quic"]),
        module("Content", ["Model", "Runtime", "Linux", "Storage", "Crypto"]),
        module("ControlServer", ["Model", "Runtime", "Linux", "Control"]),

        // L3: the subsystems; none calls another.
        module("Library", ["Model", "Runtime", "Linux", "Storage", "Database", "Crypto", "Content"]),
        module("Peers", ["Model", "Runtime", "Linux", "Wire", "PeerLink", "Quic", "Mdns", "Crypto"]),
        module("Transfer", ["Model", "Runtime", "Wire", "PeerLink", "Content"]),
        module("Install", ["Model", "Runtime", "Linux", "Storage", "Unpack"]),

        // L4: the use cases.
        module(
            "Node",
            [
                "Linux", "Model", "Runtime", "Supervision", "Wire", "Control", "Storage", "Database", "Settings",
                "Crypto", "Mdns", "Quic", "PeerLink", "Content", "Library", "Peers", "Transfer", "Install",
            ]),

        // L5: the programs.
        program(
            "lanspreadd",
            ["Node", "ControlServer", "Supervision", "Systemd", "Settings", "Model", "Runtime", "Linux", "Control"]),
        program("lanspreadctl", ["Control", "Model", "Linux", "Database"]),
        program("lanspread-unpack", ["Archive", "Unpack", "Model", "Linux"]),

        // Tests: real components; TestKit is the only place for shared helpers.
        kit("TestKit", ["Runtime", "Linux", "Storage", "Control", "Model"]),
        kit("Fixture", ["CSQLite"]),
        kit("CatalogFuzz", ["Database", "Model"]),
        program("lanspread-fixture", ["Fixture"], path: "Tests/lanspread-fixture"),
        tests("Linux", ["Linux", "TestKit"]),
        tests("Model", ["Model", "Runtime", "TestKit"]),
        tests("Runtime", ["Runtime", "Linux", "TestKit"]),
        tests("Supervision", ["Supervision", "Runtime", "TestKit"]),
        tests("Wire", ["Wire", "Model"]),
        tests("Control", ["Control", "Model"]),
        tests("Storage", ["Storage", "Model", "Linux", "TestKit"]),
        tests("Database", ["Database", "Model", "Runtime", "Linux", "CatalogFuzz", "Fixture", "TestKit"]),
        tests("Settings", ["Settings", "Model", "Runtime", "Linux", "TestKit"]),
        tests("Archive", ["Archive", "Unpack", "Model", "Runtime", "Linux", "Fixture", "TestKit"]),
        tests("Crypto", ["Crypto", "Model"]),
        tests("Mdns", ["Mdns", "Runtime", "Linux"]),
        tests("Quic", ["Quic", "Crypto", "Runtime", "Linux", "Model", "TestKit"]),
        tests("Systemd", ["Systemd", "Runtime", "Linux", "TestKit"]),
        tests("PeerLink", ["PeerLink", "Wire", "Quic", "Crypto", "Model", "Runtime", "Linux", "TestKit"]),
        tests("Content", ["Content", "Storage", "Crypto", "Model", "Runtime", "Linux", "TestKit"]),
        tests("ControlServer", ["ControlServer", "Control", "Model", "Runtime", "Linux", "TestKit"]),
        tests(
            "Library",
            ["Library", "Database", "Content", "Storage", "Model", "Runtime", "Linux", "Fixture", "TestKit"]),
        tests(
            "Peers", ["Peers", "PeerLink", "Quic", "Wire", "Crypto", "Mdns", "Model", "Runtime", "Linux", "TestKit"]),
        tests("Transfer", ["Transfer", "PeerLink", "Wire", "Model", "Runtime", "TestKit"]),
        tests(
            "Install", ["Install", "Unpack", "Storage", "Model", "Runtime", "Linux", "Fixture", "TestKit"]),
        tests(
            "Node",
            [
                "Node", "Control", "Database", "Library", "Supervision", "Transfer", "PeerLink", "Wire", "Content",
                "Storage", "Settings", "Model", "Runtime", "Linux", "TestKit",
            ]),
        tests(
            "Daemon",
            [
                "lanspreadd", "Control", "Model", "Runtime", "Linux", "Wire", "Crypto", "Quic", "PeerLink", "Fixture",
                "TestKit",
            ]),
        tests("Ctl", ["lanspreadctl", "ControlServer", "Control", "Model", "Runtime", "Linux", "TestKit"]),
        tests("Tidy", []),
    ]
)
