CREATE TABLE polls (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL,
  author TEXT NOT NULL,
  question TEXT NOT NULL,
  created BIGINT NOT NULL, -- milliseconds since 1970, as closed
  closed BIGINT
);

CREATE TABLE polls_options (
  poll TEXT NOT NULL REFERENCES polls (id) ON DELETE CASCADE,
  choice INTEGER NOT NULL, -- from 1
  label TEXT NOT NULL,
  PRIMARY KEY (poll, choice)
);

CREATE TABLE polls_votes (
  poll TEXT NOT NULL,
  person TEXT NOT NULL,
  choice INTEGER NOT NULL,
  PRIMARY KEY (poll, person),
  FOREIGN KEY (poll, choice) REFERENCES polls_options (poll, choice) ON DELETE CASCADE
);
