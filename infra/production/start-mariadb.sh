#!/bin/sh
# Starts the DMZ's MariaDB with the settings beside this file and the arguments of the unit or compose file; the first
# start makes the system tables. They grow under another name, so that an interrupted first start is begun again.
# The user who runs it, and the host's root, administer it through its socket; nobody has a password for that.
set -eu
settings="$(dirname "$(readlink -f "$0")")/settings/mariadb.cnf"
data="$(sed -n 's/^datadir = //p' "$settings")"
folder="$(dirname "$data")"
mkdir -p -m 0555 "$folder/no-files"
if [ ! -d "$data" ]; then
  rm -rf "$data.new"
  mariadb-install-db --no-defaults --datadir="$data.new" --skip-test-db --skip-name-resolve \
    --auth-root-authentication-method=socket --auth-root-socket-user="$(id -un)" \
    "--innodb-log-file-size=$(sed -n 's/^innodb_log_file_size = //p' "$settings")"
  mv "$data.new" "$data"
fi
exec mariadbd --defaults-file="$settings" "$@"
