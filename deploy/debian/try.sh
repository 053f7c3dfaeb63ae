#!/usr/bin/env bash
# Makes the Debian package of a program that was built, and installs, runs, upgrades, removes and purges
# it on a copy of this system that is thrown away afterwards.
#
#     cargo build --release --locked && deploy/sbom.sh && deploy/debian/try.sh
#
# Needs a Debian system, root, cargo-deb (cargo install --locked cargo-deb@3.8.0) and lintian. The
# package is left in target/debian.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo deb --no-build --locked --strip --fast --output target/debian/ >/dev/null
package=$(ls -t target/debian/clearline_*.deb | head -1)
echo "$package: $(stat -c %s "$package") bytes"
# No manual page: `clearline --help` and deploy/README.md are the manual. The changelog is one file for
# every system. Debian's own trackers of bugs have nothing to do with it.
unwanted=no-manual-page,wrong-name-for-upstream-changelog,initial-upload-closes-no-bugs
lintian --fail-on error,warning --suppress-tags "$unwanted" \
    "$package" 2> >(grep -v 'root privileges' >&2)

# A system laid over this one: what is written there stays there.
over=$(mktemp -d)
finish() {
    umount "$over/system/proc" "$over/system" "$over" 2>/dev/null || true
    rmdir "$over"
}
trap finish EXIT
mount -t tmpfs -o size=512m tmpfs "$over"
mkdir "$over"/{written,work,system}
mount -t overlay overlay -o "lowerdir=/,upperdir=$over/written,workdir=$over/work" "$over/system"
mount -t proc proc "$over/system/proc"
cp "$package" "$over/system/tmp/clearline.deb"

within() { chroot "$over/system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }
is() { # what it is, what it should be, and how to look
    local what=$1 wanted=$2 found
    found=$(within "${@:3}") || true
    [[ $found == "$wanted" ]] || { echo "$what: \`$found\`, not \`$wanted\`" >&2; exit 1; }
    echo "  $what: $found"
}

echo "== installed"
within dpkg --install /tmp/clearline.deb
is "the program" "755 root:root" stat -c '%a %U:%G' /usr/bin/clearline
is "the folder of the log" "700 clearline:clearline" stat -c '%a %U:%G' /var/lib/clearline
is "the folder of settings" "750 root:clearline" stat -c '%a %U:%G' /etc/clearline
is "the service's user may log in by" "/usr/sbin/nologin" sh -c 'getent passwd clearline | cut -d: -f7'
is "the service is enabled" "disabled" systemctl is-enabled clearline
is "settings that dpkg keeps" "/etc/clearline/clearline.toml" \
    sh -c "dpkg-query --show --showformat '\${Conffiles}' clearline | awk '{ print \$1 }' | xargs"
is "what is wrong with the unit" "" systemd-analyze verify clearline.service
is "what is altered" "" dpkg --verify clearline

# Starts the service as the unit does, waits until it listens, and stops it.
run() {
    local out=$over/system/tmp/out
    : >"$out"
    # By exec throughout, so that the signal below reaches the service itself.
    (exec chroot "$over/system" setpriv --reuid clearline --regid clearline --clear-groups --no-new-privs \
        /usr/bin/clearline serve --config /etc/clearline/clearline.toml --listen 127.0.0.1:0 \
        --data /var/lib/clearline/data) >"$out" 2>&1 &
    local service=$!
    until grep -q 'listening on' "$out"; do
        kill -0 "$service" 2>/dev/null || { cat "$out"; echo "the service did not start" >&2; exit 1; }
        sleep 0.1
    done
    kill -TERM "$service"
    wait "$service"
}

echo "== run as its user, twice"
run
run
is "the log" "700 clearline:clearline" stat -c '%a %U:%G' /var/lib/clearline/data
is "the keys" "600 clearline:clearline" \
    sh -c 'find /var/lib/clearline/data/keys -type f -exec stat -c "%a %U:%G" {} + | sort -u'

echo "== upgraded over changed settings"
within sed -i 's/^origin = .*/origin = "clearline.bank.example\/decisions"/' /etc/clearline/clearline.toml
within dpkg --install /tmp/clearline.deb
is "settings" 'origin = "clearline.bank.example/decisions"' grep '^origin' /etc/clearline/clearline.toml

echo "== removed and purged"
within dpkg --remove clearline
is "the program" "gone" sh -c '[ -e /usr/bin/clearline ] || echo gone'
within dpkg --purge clearline 2>&1 | tee "$over/purged"
grep -q 'is left' "$over/purged" || { echo "a purge does not say what it leaves" >&2; exit 1; }
is "the log" "there" sh -c '[ -s /var/lib/clearline/data/version ] && echo there'
is "settings" "gone" sh -c '[ -e /etc/clearline/clearline.toml ] || echo gone'
