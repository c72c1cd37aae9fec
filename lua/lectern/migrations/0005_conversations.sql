-- Conversations that have an id and may be empty, messages found by their id, and whom notifications are about.

-- When a conversation began. One without a message has id '' and the time of its begin as `created`.
ALTER TABLE lectern_conversations ADD COLUMN begun BIGINT NOT NULL DEFAULT 0;
UPDATE lectern_conversations SET begun = COALESCE(
  (SELECT min(m.created) FROM lectern_messages m WHERE m.room = lectern_conversations.room), created);

CREATE INDEX lectern_messages_of_two ON lectern_messages (id, author, recipient)
  WHERE recipient IS NOT NULL;

-- The parts of a name, where a token says them.
ALTER TABLE lectern_names ADD COLUMN given TEXT;
ALTER TABLE lectern_names ADD COLUMN family TEXT;

-- The person that a notification names, like the sender of a message: it goes when that person is erased.
ALTER TABLE lectern_notifications ADD COLUMN about TEXT;
CREATE INDEX lectern_notifications_about ON lectern_notifications (about) WHERE about IS NOT NULL;
