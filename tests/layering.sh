#!/bin/sh
# Holds every #include line of core/ and plugins/ to the layers: imports point one way, and each outside library has one
# folder that knows it. The same table stands in the README.
cd "$(dirname "$0")/.." || exit 1
status=0

# folder: project folders it may include; outside headers it may include besides libc's
allowed() {
  case $1 in
    base)     ours='base' outside='' ;;
    net)      ours='base net' outside='libwebsockets.h uv.h curl/ openssl/ zlib.h' ;;
    engineio) ours='base net engineio' outside='' ;;
    socketio) ours='base net/loop.h engineio socketio' outside='' ;;
    http)     ours='base net http' outside='' ;;
    auth)     ours='base auth' outside='jwt.h openssl/' ;;
    db)       ours='base net/loop.h db lectern' outside='' ;;
    server)   ours='base net engineio socketio http auth db server lectern' outside='dlfcn.h' ;;
    script)   ours='base net/loop.h net/fetch.h engineio/session.h socketio http db server script lectern' outside='luajit-2.1/ lua.h lauxlib.h lualib.h luajit.h' ;;
    sqlite)   ours='lectern/plugin.h' outside='sqlite3.h' ;;
    main)     ours='base net db server script auth lectern' outside='' ;;
  esac
}

# Headers of the outside libraries named anywhere above: forbidden to all folders that do not name them.
libraries='libwebsockets.h|uv\.h|curl/.*|zlib\.h|openssl/.*|jwt\.h|dlfcn\.h|luajit-2\.1/.*|lua\.h|lauxlib\.h|lualib\.h|luajit\.h|jansson\.h|sqlite3\.h'

check() { # file folder
  allowed "$2"
  grep -nE '^[[:space:]]*#[[:space:]]*include' "$1" | while IFS= read -r line; do
    name=$(printf '%s' "$line" | sed -E 's/.*include[[:space:]]*[<"]([^>"]*)[>"].*/\1/')
    number=${line%%:*}
    case $line in
      *'"'*)
        for folder in $ours; do
          case $name in "$folder"/* | "$folder") continue 2 ;; esac
        done
        case $1 in plugins/*) [ -f "plugins/$2/$name" ] && continue ;; esac
        [ "$2" = main ] && [ -f "core/$name" ] && [ "${name#*/}" = "$name" ] && continue
        echo "$1:$number: ${1%%/*}/$2 may not include \"$name\"" ;;
      *)
        printf '%s' "$name" | grep -qxE "$libraries" || continue
        for header in $outside; do
          case $name in "$header"*) continue 2 ;; esac
        done
        echo "$1:$number: ${1%%/*}/$2 may not include <$name>" ;;
    esac
  done
}

report=$(
  for folder in base net engineio socketio http auth db server script; do
    for file in core/"$folder"/*.[ch]; do [ -f "$file" ] && check "$file" "$folder"; done
  done
  for file in core/*.[ch]; do [ -f "$file" ] && check "$file" main; done
  for file in plugins/sqlite/*.[ch]; do check "$file" sqlite; done
  # Of the folder net the loop's own files alone know libuv.
  grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*(<uv\.h>|"net/loop_uv\.h")' core/net/*.[ch] |
    sed -nE '/^core\/net\/(loop|service)\.c:|^core\/net\/loop_uv\.h:/!s/^([^:]*:[0-9]*):.*/\1: libuv is for the loop'"'"'s own files/p'
)
if [ -n "$report" ]; then
  printf '%s\n' "$report"
  status=1
fi
exit $status
