-- A database of version 1, as Geppetto 0.1.0 made it. It never changes: people have such files.
BEGIN TRANSACTION;
CREATE TABLE answers (
        item INTEGER PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        audio_file,
        transcript_file,
        audio_ms INTEGER NOT NULL,
        first_text_ms REAL,
        first_audio_ms REAL,
        done_ms REAL,
        usage TEXT NOT NULL,
        cost TEXT,
        usd REAL,
        response_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        attempts INTEGER NOT NULL
    );
INSERT INTO "answers" VALUES(2,'completed','','/recordings/audio_20261121_101502.wav','/recordings/audio_20261121_101502.txt',1900,100.0,120.5,500.0,'{"total": 12, "input": {"total": 7, "text": 7, "audio": 0, "image": 0, "cached": {"total": 3, "text": 0, "audio": 0, "image": 0}}, "output": {"total": 5, "text": 0, "audio": 0}}','{"usd": 0.0312, "parts": {"input_text": 0.0012, "input_audio": 0.0, "input_image": 0.0, "cached_text": 0.0, "cached_audio": 0.0, "cached_image": 0.0, "output_text": 0.0, "output_audio": 0.03}, "model": "gpt-realtime", "source": "a list"}',0.0312,'resp_1','sess_1',2);
CREATE TABLE conversations (
        id TEXT PRIMARY KEY NOT NULL,
        name TEXT,
        name_key TEXT UNIQUE,
        begun TEXT NOT NULL,
        changed TEXT NOT NULL,
        model TEXT NOT NULL,
        host TEXT NOT NULL,
        voice TEXT NOT NULL,
        instructions TEXT NOT NULL
    );
INSERT INTO "conversations" VALUES('7pz5rhgz','First','first','2026-11-21T09:15:03.345678+00:00','2026-11-21T09:15:04.345678+00:00','gpt-realtime','api.openai.com','marin','Be brief.');
CREATE TABLE items (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        text TEXT NOT NULL,
        at TEXT NOT NULL,
        spoken INTEGER NOT NULL,
        independent INTEGER NOT NULL
    );
INSERT INTO "items" VALUES(1,'7pz5rhgz','user','What is 12 times 7?','2026-11-21T09:15:03.845678+00:00',0,0);
INSERT INTO "items" VALUES(2,'7pz5rhgz','assistant','12 times 7 is 84.','2026-11-21T09:15:04.345678+00:00',0,0);
CREATE INDEX conversations_by_change ON conversations (changed);
CREATE INDEX items_by_conversation ON items (conversation, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('items',2);
COMMIT;
PRAGMA application_id = 1196445780;
PRAGMA user_version = 1;
