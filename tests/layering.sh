#!/bin/sh
# Holds every #include line of core/ and plugins/ to the layers: imports point one way, and each outside library has one
# folder that knows it. The same table stands in the README.
cd "$(dirname "$0")/.." || exit 1

find core plugins -path core/include -prune -o -name '*.[ch]' -print | sort | xargs awk '
  # A folder, the project folders and files it may include, the outside headers it may include besides those of libc.
  function may(folder, ours, outside) { inside[folder] = ours; beside[folder] = outside }

  BEGIN {
    may("base", "base", "")
    may("net", "base net", "libwebsockets.h uv.h curl/ openssl/ zlib.h")
    may("engineio", "base net engineio", "")
    may("socketio", "base net/loop.h engineio socketio", "")
    may("http", "base net http", "")
    may("auth", "base auth", "jwt.h openssl/")
    may("db", "base net/loop.h db lectern", "")
    may("server", "base net engineio socketio http auth db server lectern", "dlfcn.h")
    may("script", "base net/loop.h net/fetch.h engineio/session.h socketio http db server script lectern",
      "luajit-2.1/ lua.h lauxlib.h lualib.h luajit.h")
    may("sqlite", "lectern/plugin.h", "sqlite3.h")
    may("main", "base net db server script auth lectern", "")
    # Headers of outside libraries: forbidden to all folders that do not name them.
    libraries = "^(libwebsockets.h|uv[.]h|curl/.*|zlib[.]h|openssl/.*|jwt[.]h|dlfcn[.]h|luajit-2[.]1/.*|lua[.]h|lauxlib[.]h|" \
      "lualib[.]h|luajit[.]h|jansson[.]h|sqlite3[.]h)$"
  }

  FNR == 1 {
    n = split(FILENAME, path, "/")
    folder = n == 2 ? "main" : path[2]
    if (!(folder in inside)) complain("no rule for this folder")
    # Of the folder net the files of the loop alone know libuv.
    is_loop = FILENAME ~ /^core\/net\/(loop|service)[.]c$/ || FILENAME == "core/net/loop_uv.h"
  }

  /^[ \t]*#[ \t]*include/ {
    name = $0
    sub(/^.*include[ \t]*[<"]/, "", name)
    sub(/[>"].*$/, "", name)
    if ((name == "uv.h" || name == "net/loop_uv.h") && folder == "net" && !is_loop) complain("libuv is for the files of the loop itself")
    if ($0 ~ /"/) {
      if (!begins(name, inside[folder], "/") && !is_beside(name)) complain(path[1] "/" folder " may not include \"" name "\"")
    } else if (name ~ libraries && !begins(name, beside[folder], "")) {
      complain(path[1] "/" folder " may not include <" name ">")
    }
  }

  # Whether one of the list is the name, or what it begins with, up to `mark`.
  function begins(name, list, mark,    i, n, entries) {
    n = split(list, entries, " ")
    for (i = 1; i <= n; i++) if (name == entries[i] || index(name, entries[i] mark) == 1) return 1
    return 0
  }

  # A header beside the file that includes it: of a plugin, and of the commands.
  function is_beside(name,    line) {
    if (name ~ /\// || (path[1] != "plugins" && folder != "main")) return 0
    return (getline line < (path[1] (folder == "main" ? "" : "/" path[2]) "/" name)) >= 0
  }

  function complain(what) {
    print FILENAME ":" FNR ": " what
    failed = 1
  }

  END { exit failed }'
