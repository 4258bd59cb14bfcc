import Fixture
import Glibc

let help = """
    lanspread-fixture /tmp/fixture --many 5000

    Usage: lanspread-fixture DIR [--large [BYTES]] [--many [N]] [--shelf [N]] [--seed N]

    Makes the games and catalogs of three hosts under DIR:
      fixture-alpha    ggoo
      fixture-bravo    ggoo, cnc4
      fixture-charlie  cnc4
    each with games/<id>/ and game.db. The content depends on the seed alone.

      --large [BYTES]  a game `large` of so many bytes (1073741824) on alpha and bravo
      --many [N]       a game `many` of so many small files (5000) on alpha and bravo
      --shelf [N]      so many small games (200) on alpha and bravo
      --seed N         another content (1)
      --catalogs       nothing but small catalogs, for a fuzzer to begin with
      --help           this text

    """

func write(_ text: String, to descriptor: Int32) {
    var text = text
    let written = text.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if written < 0 { exit(74) }
}

func refuse(_ sentence: String) -> Never {
    write("\(sentence) See lanspread-fixture --help.\n", to: STDERR_FILENO)
    exit(64)
}

var arguments = CommandLine.arguments.dropFirst()
var options = FixtureOptions()
var directory: String?
var wantsCatalogs = false

/// The number after a flag; `other` when it is missing and may be.
@MainActor func number(after flag: String, or other: UInt64?) -> UInt64 {
    if let next = arguments.first, let value = UInt64(next) {
        arguments.removeFirst()
        return value
    }
    guard let other else { refuse("\(flag) takes a number.") }
    return other
}

while let argument = arguments.popFirst() {
    switch argument {
    case "--help", "-h":
        write(help, to: STDOUT_FILENO)
        exit(0)
    case "--large": options.largeBytes = number(after: argument, or: 1 << 30)
    case "--many":
        let count = number(after: argument, or: 5_000)
        guard count <= 500_000 else { refuse("--many takes at most 500000.") }
        options.manyFiles = Int(count)
    case "--shelf":
        let count = number(after: argument, or: 200)
        guard count <= 4_000 else { refuse("--shelf takes at most 4000.") }
        options.shelfGames = Int(count)
    case "--catalogs": wantsCatalogs = true
    case "--seed": options.seed = number(after: argument, or: nil)
    default:
        guard !argument.hasPrefix("-") else { refuse("\(argument) is no option.") }
        guard directory == nil else { refuse("One directory only.") }
        directory = argument
    }
}
guard let directory else { refuse("A directory is missing.") }

do {
    if wantsCatalogs {
        try FixtureCatalog.writeSeeds(to: directory)
        exit(0)
    }
    let fixture = try FixtureSet.write(to: directory, options: options)
    for host in FixtureHost.allCases {
        let games = fixture.games(of: host).map(\.id).joined(separator: " ")
        write("\(fixture.gamesDirectory(of: host)): \(games)\n", to: STDOUT_FILENO)
    }
} catch {
    write("\(error.sentence)\n", to: STDERR_FILENO)
    exit(1)
}
