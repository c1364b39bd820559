#!/bin/sh
# Make the secrets that compose.yaml mounts, each in a file of deploy/secrets; none is replaced.
#
#   sh deploy/make_secrets.sh [FOLDER]
#
# The certificate is for a trial: replace tls_certificate and tls_key by those of the site.
set -eu

folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

random() {
    openssl rand -hex 32
}

# The containers run as users of their own, so the files are readable and the folder is not.
write() {
    [ -e "$folder/$1" ] || cat >"$folder/$1"
    chmod 644 "$folder/$1"
}

random | write postgresql_password
password=$(cat "$folder/postgresql_password")
printf 'postgresql+psycopg://cds:%s@postgresql:5432/feedback' "$password" | write feedback_database

if ! [ -e "$folder/redis_configuration" ] || ! [ -e "$folder/replay_store" ]; then
    password=$(random)
    rm -f "$folder/redis_configuration" "$folder/replay_store"
    printf 'redis://:%s@redis:6379/0' "$password" | write replay_store
    write redis_configuration <<END
requirepass $password
appendonly yes
maxmemory 128mb
maxmemory-policy noeviction
END
fi

if ! [ -e "$folder/tls_key" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 \
        -subj /CN=cds.example.org -addext subjectAltName=DNS:cds.example.org,DNS:localhost \
        -keyout "$folder/tls_key" -out "$folder/tls_certificate" 2>/dev/null
    chmod 644 "$folder/tls_key"
fi
