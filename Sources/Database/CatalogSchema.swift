/// ETI's tables, so that every program that reads a `game.db` reads ours.
///
/// The only place in these sources that names the column `game_key`: others expect it, and in ours it is always empty.
enum CatalogSchema {
    static let tables = """
        CREATE TABLE games (game_id TEXT, db_id INTEGER PRIMARY KEY, game_title TEXT, game_key TEXT, game_release TEXT,
            game_publisher TEXT, game_size NUMERIC, game_readme_de TEXT, game_readme_en TEXT, game_readme_fr TEXT,
            game_maxplayers INTEGER, game_master_req INTEGER, genre_id INTEGER, game_version TEXT);
        CREATE TABLE genre (genre_id INTEGER PRIMARY KEY, genre_de TEXT, genre_en TEXT, genre_fr TEXT);
        CREATE TABLE discarded (del_id INTEGER PRIMARY KEY, game_id TEXT, game_key INTEGER);
        CREATE TABLE tools (tool_id TEXT, db_id INTEGER PRIMARY KEY, tool_name TEXT, tool_key TEXT,
            tool_maintainer TEXT, tool_size TEXT, tool_readme_de TEXT, tool_readme_en TEXT, tool_readme_fr TEXT,
            tool_disabled INTEGER);
        """
}
