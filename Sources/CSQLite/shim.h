#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast, which Swift does not import: SQLite copies the bytes before these return.
static inline int lan_sqlite3_bind_text(sqlite3_stmt *statement, int index, const char *text, int count)
{
    return sqlite3_bind_text(statement, index, text, count, SQLITE_TRANSIENT);
}

static inline int lan_sqlite3_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count)
{
    return sqlite3_bind_blob64(statement, index, bytes, count, SQLITE_TRANSIENT);
}

// Variadic, which Swift does not import either: the form of every switch, (int on, int *state).
static inline int lan_sqlite3_db_config(sqlite3 *database, int option, int on, int *state)
{
    return sqlite3_db_config(database, option, on, state);
}
