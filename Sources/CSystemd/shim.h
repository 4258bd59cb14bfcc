// A record's place in the source says nothing to an administrator, and the macros that add it do not import.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
