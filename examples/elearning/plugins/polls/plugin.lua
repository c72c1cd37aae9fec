return {
  name = "polls",
  version = "1.0",
  settings = {
    max_options = { default = 8, help = "answers that a poll may offer" },
    show_names = { default = false, help = "tell staff who voted for what" },
  },
}
