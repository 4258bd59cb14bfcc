import Model

// The verb table, third part: what an administrator changes about the daemon itself.

extension ControlMethod {
    static let daemonReloadEntry = Entry(
        summary: "Reads the settings again, as SIGHUP does; all of them take effect or, on an error, none.",
        parameters: [],
        result: """
            `changed`: keys with another value from now on; `needs_restart`: keys whose new value waits for the next \
            start; `warnings`, each with its file and line.
            """,
        mutates: true, failures: [.badConfiguration, .timeout],
        example: ControlExample(
            [:],
            [
                "changed": ["log_level"], "needs_restart": ["listen"],
                "warnings": [
                    "/etc/lanspread/lanspreadd.conf:4: The key pear is unknown and passed over. Did you mean peer?"
                ],
            ]))

    static let configShowEntry = Entry(
        summary: "Shows the settings in force, as a file would have them, and where each comes from.",
        parameters: [],
        result: """
            `settings`: a row for each key. `origin` is "built in", a $VARIABLE, a file with its line, or a flag; \
            `live` keys take effect by `daemon.reload`; `next` is null, or the `value` and `origin` that wait for a \
            restart.
            """,
        example: ControlExample(
            [:],
            [
                "settings": [
                    [
                        "key": "source_grace", "value": "60", "origin": "/etc/lanspread/lanspreadd.conf:31",
                        "live": true, "next": .null,
                    ]
                ]
            ]))

    static let identityRenewEntry = Entry(
        summary: "Makes a new identity, under which peers will know this host after the next start.",
        parameters: [],
        result: "`identity`, the one in use; `next`, the new one; `kept`, the file that has the key in use.",
        mutates: true, failures: [.notAllowed],
        example: ControlExample(
            [:],
            [
                "identity": examplePeer, "next": exampleRoot, "kept": "/var/lib/lanspread/identity.pem.old",
            ]))
}
