import Control
import Glibc

// The only line at top level: everything else takes its surroundings as values.
exit(Program.run(Array(CommandLine.arguments.dropFirst())).rawValue)
