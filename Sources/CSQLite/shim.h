#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast, which Swift does not import: SQLite copies the bytes before these return.
static inline int lan_sqlite3_bind_text(sqlite3_stmt *s, int i, const char *p, int n) { return sqlite3_bind_text(s, i, p, n, SQLITE_TRANSIENT); }
static inline int lan_sqlite3_bind_blob(sqlite3_stmt *s, int i, const void *p, sqlite3_uint64 n) { return sqlite3_bind_blob64(s, i, p, n, SQLITE_TRANSIENT); }
// Variadic, which Swift does not import either: the form of every switch, (int on, int *state).
static inline int lan_sqlite3_db_config(sqlite3 *db, int op, int on, int *state) { return sqlite3_db_config(db, op, on, state); }
