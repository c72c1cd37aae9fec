std = "luajit"
max_line_length = 110
exclude_files = { "build*", "**/node_modules" }
files["tests/**/*_spec.lua"] = { std = "luajit+busted" }
files["examples/**/tests/*_spec.lua"] = { std = "luajit+busted" }
files["**/lectern.lua"] = { globals = { "env" } }
files["lua/meta/*.lua"] = { ignore = { "212", "211", "241", "221", "331", "631" } }
