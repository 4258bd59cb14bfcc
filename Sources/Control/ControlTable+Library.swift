import Model

// The verb table: this host's games as a whole, and where they are.

extension ControlMethod {
    static let libraryRescanEntry = Entry(
        summary: "Looks at the games directory now, or at one game of it, and answers when all is seen.",
        parameters: [ControlParameter("game", .game, .optional, "This game alone.")],
        result: """
            `changed`: the games that are others than before. `deferred`: those that an operation is changing, which \
            are looked at when it has ended. `games_dir`: where it looked.
            """,
        mutates: true,
        failures: [.noSuchGame, .noCatalog, .gamesDirectoryUnavailable],
        events: [EventName.localLibraryChanged],
        example: ControlExample(
            [:], ["changed": ["quake"], "deferred": [], "games_dir": "/srv/lanspread"]))

    static let gamesDirSetEntry = Entry(
        summary: "Uses another games directory from now on, also after a restart.",
        parameters: [
            ControlParameter(
                "path", .path, .required, "It, beneath a directory of the setting `games_roots`.")
        ],
        result: """
            `games_dir`: where the games are now. `changed` is false when it is the directory that was used already, \
            under whatever path; then `local_library_changed` says all of it again, and peers hear nothing.
            """,
        mutates: true,
        failures: [.notAllowed, .gamesDirectoryUnavailable],
        events: [EventName.localLibraryChanged],
        example: ControlExample(
            ["path": "/srv/lanspread/lan"], ["games_dir": "/srv/lanspread/lan", "changed": true]))
}
