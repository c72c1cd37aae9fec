#!/bin/sh
# The client of languages.test.mjs by curl. Arguments: URL, "http2", "upload", "upload-patiently" or "http1.0", the
# CONNECT packet. Standard input: the event packet.
url=$1 how=$2 connect=$3
umask 077
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
trap 'exit 1' TERM
cat >"$files/event"
printf %s "$connect" >"$files/connect"

# "-T -" is a body of unknown length, sent in chunks; curl awaits "100 Continue" only before long ones.
send() {
  path=$1 file=${2-}
  set -- -sS --max-time 30 -o "$files/answer" -w '%{http_code} '
  case $how in
    http2) set -- "$@" --http2 ;;
    http1.0) set -- "$@" --http1.0 ;;
    upload-patiently) set -- "$@" --expect100-timeout 100 ;;
  esac
  if [ -n "$file" ]; then
    set -- "$@" -H 'Content-Type: text/plain;charset=UTF-8'
    case $how in
      upload) set -- "$@" -X POST -T - ;;
      upload-patiently) set -- "$@" -X POST -T - -H 'Expect: 100-continue' ;;
      *) set -- "$@" --data-binary @- ;;
    esac
  fi
  curl "$@" "$url$path" <"${file:-/dev/null}" || exit 1
  base64 -w0 "$files/answer"
  echo
}

send /healthz
send /page.html
polling='/socket.io/?EIO=4&transport=polling'
send "$polling"
polling="$polling&sid=$(sed 's/.*"sid":"\([^"]*\)".*/\1/' "$files/answer")"
for packet in connect event; do
  send "$polling" "$files/$packet"
  send "$polling"
done
