-- What people write and do in rooms, and who may be there.
--
-- Times are milliseconds since 1970. A person is the id that the token says, literally; a room is its one
-- name (lectern.rooms). NULL as the author of something is a person who was erased.

-- Of rooms, and of two people: those have a recipient, and the room private:{a}:{b}. (created, id) is
-- their order. What was deleted stays as a tombstone: without content and extra, with who and when.
CREATE TABLE lectern_messages (
  room TEXT NOT NULL,
  id TEXT NOT NULL,
  created BIGINT NOT NULL,
  author TEXT,
  recipient TEXT,
  discussion TEXT,
  sent TEXT NOT NULL,          -- the time that it bears for its readers
  content TEXT,
  extra TEXT,                  -- JSON: the other fields that it was given
  edited_at BIGINT,
  edited_by TEXT,
  deleted_at BIGINT,
  deleted_by TEXT,
  expires_at BIGINT,
  PRIMARY KEY (room, id)
);
CREATE INDEX lectern_messages_page ON lectern_messages (room, created, id);
CREATE INDEX lectern_messages_discussion ON lectern_messages (room, discussion, created, id)
  WHERE discussion IS NOT NULL;
CREATE INDEX lectern_messages_author ON lectern_messages (author, created) WHERE author IS NOT NULL;
CREATE INDEX lectern_messages_recipient ON lectern_messages (recipient, created)
  WHERE recipient IS NOT NULL;
CREATE INDEX lectern_messages_edited_by ON lectern_messages (edited_by) WHERE edited_by IS NOT NULL;
CREATE INDEX lectern_messages_deleted_by ON lectern_messages (deleted_by) WHERE deleted_by IS NOT NULL;
CREATE INDEX lectern_messages_due ON lectern_messages (expires_at) WHERE expires_at IS NOT NULL;

-- Whom a person writes with, and the latest of it: two rows a pair.
CREATE TABLE lectern_conversations (
  person TEXT NOT NULL,
  other TEXT NOT NULL,
  room TEXT NOT NULL,
  created BIGINT NOT NULL,     -- of the latest message
  id TEXT NOT NULL,
  PRIMARY KEY (person, other)
);
CREATE INDEX lectern_conversations_page ON lectern_conversations (person, created, id);
CREATE INDEX lectern_conversations_other ON lectern_conversations (other);

-- message is '' where the reaction is to the discussion itself.
CREATE TABLE lectern_reactions (
  room TEXT NOT NULL,
  discussion TEXT NOT NULL,
  message TEXT NOT NULL,
  person TEXT NOT NULL,
  reaction TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (room, discussion, message, person, reaction)
);
CREATE INDEX lectern_reactions_age
  ON lectern_reactions (room, created, discussion, message, person, reaction);
CREATE INDEX lectern_reactions_person ON lectern_reactions (person);

CREATE TABLE lectern_announcements (
  room TEXT NOT NULL,
  id TEXT NOT NULL,
  created BIGINT NOT NULL,
  author TEXT,
  content TEXT NOT NULL,       -- JSON
  expires_at BIGINT,
  PRIMARY KEY (room, id)
);
CREATE INDEX lectern_announcements_page ON lectern_announcements (room, created, id);
CREATE INDEX lectern_announcements_author ON lectern_announcements (author) WHERE author IS NOT NULL;
CREATE INDEX lectern_announcements_due ON lectern_announcements (expires_at)
  WHERE expires_at IS NOT NULL;

-- How far a person has read in a room: up to a message, and never back.
CREATE TABLE lectern_marks (
  person TEXT NOT NULL,
  room TEXT NOT NULL,
  created BIGINT NOT NULL,     -- of the message
  id TEXT NOT NULL,
  marked BIGINT NOT NULL,
  PRIMARY KEY (person, room)
);
CREATE INDEX lectern_marks_room ON lectern_marks (room);

CREATE TABLE lectern_grants (
  person TEXT NOT NULL,
  room TEXT NOT NULL,
  allowed BIGINT NOT NULL,     -- 1: may join; 0: may not, whatever the default
  created BIGINT NOT NULL,
  PRIMARY KEY (person, room)
);

-- kind 'token': name is its jti; 'person': tokens issued up to `time` count no more.
CREATE TABLE lectern_revocations (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  time BIGINT NOT NULL,        -- in seconds, as in tokens
  created BIGINT NOT NULL,
  PRIMARY KEY (kind, name)
);
CREATE INDEX lectern_revocations_newest ON lectern_revocations (kind, created, name);
