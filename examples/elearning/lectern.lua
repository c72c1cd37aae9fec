-- Settings of this server. Every key has a default; `lectern serve --help` lists them all. What .env, the
-- environment or a flag says is stronger than what stands here. Times are milliseconds.
--
-- Secrets do not belong here: put JWT_SECRET and FRONTEND_URL into .env or the environment.

return {
  port = 3001,

  -- Whether people may join rooms that neither their token (claims courses, sessions, discussions,
  -- instructors) nor a grant (grant_room) opens. "deny" is for production; with "allow" the server warns at
  -- its start.
  rooms = { default = "allow" },

  -- Somebody who is back within this time was never offline.
  presence = { grace = 10000 },

  -- Typing stops by itself after `timeout`; the room hears of one person once per `interval` at most.
  typing = { timeout = 5000, interval = 1000 },

  -- For the handlers alone: lectern.config.app.
  app = {
    -- Where to ask whose an account of the tokens is, if their id is not the platform's own (lectern.users);
    -- the key stands in .env:
    -- users = { url = "https://api.school.example/internal/users", key = env "USERS_KEY" },
    staff = { "teacher", "instructor", "admin" }, -- roles that may announce and notify
    private_messages = true, -- whether people may write to each other
    known_people_only = false, -- whether the chat refuses ids of people of whom it knows nothing
    -- Whether others hear how far somebody has read; the own devices always do. In the chat the two of a
    -- conversation see it in any case: isRead, and messages_read in its room.
    read_receipts = false,
  },
}
