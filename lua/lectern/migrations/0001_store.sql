-- People and their notifications.
--
-- Times are milliseconds since 1970. A person is the id that the token says, literally.

CREATE TABLE lectern_people (
  person TEXT PRIMARY KEY,
  rev BIGINT NOT NULL,                 -- one more with each change of what is kept for the person
  forgotten BIGINT NOT NULL DEFAULT 0  -- what was removed up to this rev cannot be told any more
);

-- What was removed stays as its id and revs alone for a while, so that a device that was away hears of it.
CREATE TABLE lectern_notifications (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL,
  born BIGINT NOT NULL,                -- the person's rev that brought it: their order
  rev BIGINT NOT NULL,                 -- the person's rev that changed it last
  created BIGINT NOT NULL,
  type TEXT NOT NULL,
  title TEXT NOT NULL,
  message TEXT NOT NULL,
  data TEXT NOT NULL,                  -- JSON
  priority TEXT NOT NULL,
  action_url TEXT,
  read_at BIGINT,
  expires_at BIGINT,
  gone BIGINT                          -- when it was deleted, had expired, or was one too many
);

CREATE INDEX lectern_notifications_kept ON lectern_notifications (person, born)
  WHERE gone IS NULL;
CREATE INDEX lectern_notifications_unread ON lectern_notifications (person, born)
  WHERE read_at IS NULL AND gone IS NULL;
CREATE INDEX lectern_notifications_due ON lectern_notifications (person, expires_at)
  WHERE expires_at IS NOT NULL AND gone IS NULL;
CREATE INDEX lectern_notifications_next_due ON lectern_notifications (expires_at)
  WHERE expires_at IS NOT NULL AND gone IS NULL;
CREATE INDEX lectern_notifications_gone ON lectern_notifications (person, rev)
  WHERE gone IS NOT NULL;
CREATE INDEX lectern_notifications_gone_at ON lectern_notifications (gone)
  WHERE gone IS NOT NULL;
