# shellcheck shell=bash
# The hosts' root file systems: Debian, made once per variant by mmdebstrap from the recipe folder, and
# made again when the recipe changes. Hosts share them read-only, as the lower layer of their overlay.

FLEET_RECIPE=$FLEET_HOME/recipe
FLEET_SUITE=bookworm

# Which variants there are is what the package list says.
variants() { awk '!/^#/ && NF > 1 && $2 != "all" { gsub(",", "\n", $2); print $2 }' "$FLEET_RECIPE/packages" | sort -u; }

variant_known() {
    variants | grep -qx -e "$1" || die "unknown variant '$1' (there are: $(variants | paste -sd' '))"
}

variant_has_python() { listed packages "$1" | grep -qx python3; }

# listed FILE VARIANT: the packages that a recipe list names for a variant.
listed() {
    awk -v want="$2" '!/^#/ && NF { n = split($2, v, ","); for (i = 1; i <= n; i++)
        if (v[i] == "all" || v[i] == want) { print $1; break } }' "$FLEET_RECIPE/$1"
}

# login_key: makes the key that the hosts let in. It belongs to the user who came through sudo, so that
# user's ssh can read it; root's can anyway.
login_key() {
    local key=$FLEET_STATE/key/id_ed25519
    mkdir -p -m 755 "$FLEET_STATE/key"
    [ -e "$key" ] || ssh-keygen -q -t ed25519 -N '' -C andon-fleet -f "$key"
    [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:$SUDO_GID" "$key" "$key.pub"
}

recipe_hash() {
    {
        echo "$1"
        cat "$FLEET_STATE/key/id_ed25519.pub"
        cd "$FLEET_RECIPE" && find . -type f -print0 | sort -z | xargs -0 sha256sum
        sha256sum <"$FLEET_LIB/rootfs.sh"
    } | sha256sum | cut -c1-12
}

# sources: the apt lines of this machine's own Debian mirror, or the public one.
sources() {
    local found=''
    [ -n "${ANDON_FLEET_MIRROR:-}" ] ||
        found=$(apt-get indextargets --format "deb \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
            'Created-By: Packages' 'Origin: Debian' 'Component: main' 2>/dev/null |
            grep -E " $FLEET_SUITE(-updates|-security)? main\$" | sort -u) || true
    if [ -n "$found" ]; then
        echo "$found"
    else
        local mirror=${ANDON_FLEET_MIRROR:-http://deb.debian.org}
        echo "deb $mirror/debian $FLEET_SUITE main"
        echo "deb $mirror/debian $FLEET_SUITE-updates main"
        echo "deb $mirror/debian-security $FLEET_SUITE-security main"
    fi
}

# rootfs_build VARIANT: REPLY is the root file system's folder, made if need be.
rootfs_build() {
    local variant=$1 target work tool
    lock_state
    login_key
    target=$FLEET_STATE/rootfs/$variant-$(recipe_hash "$variant")
    REPLY=$target
    if [ -d "$target" ]; then
        touch "$target.used"
        unlock_state
        return 0
    fi
    for tool in mmdebstrap apt-ftparchive dpkg-deb; do
        command -v $tool >/dev/null || die "$tool is missing (scripts/setup check installs what a fleet needs)"
    done
    note "building the root file system '$variant' (a few minutes, once)"
    work=$FLEET_STATE/rootfs/.new-$variant
    rm -rf --one-file-system "$work"
    mkdir -p "$FLEET_STATE/rootfs"
    listed repository "$variant" >"$FLEET_STATE/rootfs/.repository"
    sources | FLEET_VARIANT=$variant FLEET_KEY=$FLEET_STATE/key/id_ed25519.pub \
        FLEET_REPOSITORY=$FLEET_STATE/rootfs/.repository \
        mmdebstrap --quiet --mode=root --variant=minbase --include="$(listed packages "$variant" | paste -sd,)" \
        --aptopt='APT::Sandbox::User "root"' --aptopt='Acquire::Check-Valid-Until "false"' \
        --aptopt='Acquire::Languages "none"' --skip=cleanup/apt,cleanup/run \
        --customize-hook="$FLEET_RECIPE/customize \"\$1\"" \
        "$FLEET_SUITE" "$work" - >"$FLEET_STATE/rootfs/build.log" 2>&1 8>&- 9>&- || {
        tail -n 20 "$FLEET_STATE/rootfs/build.log" >&2
        die "the root file system could not be built (log: $FLEET_STATE/rootfs/build.log)"
    }
    mv "$work" "$target"
    touch "$target.used"
    rootfs_sweep
    unlock_state
    REPLY=$target
}

# rootfs_sweep: removes builds that nobody has used for a day, unless an instance still stands on them.
# Checkouts with different recipes share the folder, so a build that is merely not ours stays.
rootfs_sweep() {
    local used old
    find "$FLEET_STATE/rootfs" -maxdepth 1 -name '*.used' -mmin +1440 | while read -r used; do
        old=${used%.used}
        grep -qsF "$old" "$FLEET_STATE"/run/*/instance || rm -rf --one-file-system "$old" "$used"
    done
}

cmd_build() {
    local variant=python
    case ${1:-} in
    '') ;;
    --variant) variant=${2:?--variant needs a name} ;;
    *) die "usage: fleet build [--variant V]" ;;
    esac
    variant_known "$variant"
    need_root
    need_namespaces
    rootfs_build "$variant"
    echo "$REPLY"
}
