-- What people are called, as their tokens said last: for those who are not there to be asked.
CREATE TABLE lectern_names (
  person TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  changed BIGINT NOT NULL -- ms
);
