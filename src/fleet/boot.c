// Bootstrap of the helper. The first part of the script travels as ssh's command: it must survive
// the quoting of sh, fish and csh (so no quote, backslash, exclamation mark or line end) and old
// csh's limit of 1,024 bytes for a word; it only looks for the cached helper, whose digest b2sum
// tells with a third of sha256sum's work. The second part comes over stdin and does the rest.
#include "fleet/boot.h"

#include <stdbool.h>
#include <string.h>

// The mark is split so that a terminal or a shell that echoes the script does not look like an
// answer.
#define SAY_MARK "\"@an\"\"don:1:\""
#define NOISE_KEPT 2048

static const char first_part[] =
    // one command in $(): the subshell becomes it
    "c=sha256sum;command -v b2sum >/dev/null&&c=\"b2sum -l 256\";"
    "if [ -O \"$d\" ]&&[ -O \"$f\" ]&&[ -x \"$f\" ]&&s=$($c <\"$f\" 2>/dev/null)"
    "&&case ${s%% *} in $b|$h) ;;*) false;;esac;"
    "then echo;echo " SAY_MARK "run;exec \"$f\" serve;fi;";

// Variables set in front of it: known(): sets h, n and z (its size packed by gzip, 0: there is
// none) for an architecture. Programs started here are most of what a fresh host costs, so there
// are few.
static const char second_part[] =
    "say() { echo; echo " SAY_MARK "\"$*\"; }\n"
    // 0 when the folder $1 is ours alone. Parents are made only below $2.
    "usable() {\n"
    "  if [ -d \"$1\" ]; then\n"
    "    [ -O \"$1\" ] && { [ \"$2\" = home ] || [ ! -L \"$1\" ]; } && chmod 700 \"$1\"\n"
    "  elif [ \"$2\" = home ]; then\n"
    "    mkdir -p \"$1\"\n"
    "  else\n"
    "    mkdir \"$1\"\n"
    "  fi && [ -O \"$1\" ]\n"
    "}\n"
    // Makes the empty file $1 that a program can be put into; 0 unless that fails.
    "fresh() {\n"
    "  if [ -e \"$1\" ] || [ -L \"$1\" ]; then rm -rf \"$1\"; fi\n"
    "  ( set -C; : >\"$1\" ) && chmod 700 \"$1\" && [ -x \"$1\" ] && return 0\n"
    "  rm -f \"$1\"\n"
    "  return 1\n"
    "}\n"
    "whole() {\n"
    "  if [ -n \"$sum\" ]; then\n"
    "    [ -f \"$1\" ] && [ ! -L \"$1\" ] && [ -O \"$1\" ] && s=$(sha256sum <\"$1\") && [ \"${s%% "
    "*}\" = \"$h\" ]\n"
    "  else\n"
    "    [ -f \"$1\" ] && [ \"$(($(wc -c <\"$1\")))\" -eq \"$n\" ]\n"
    "  fi\n"
    "}\n"
    // Shells differ in whether -x knows of noexec.
    "starts() { \"$1\" --version </dev/null >/dev/null; }\n"
    // Receives the helper into the fresh file $1, packed where that can be; what a full disk
    // refuses is read all the same.
    "receive() {\n"
    "  if [ \"$z\" -gt 0 ]; then\n"
    "    say pushz \"$a\" \"$d\"\n"
    "    head -c \"$z\" | { gzip -dc >>\"$1\" || cat >/dev/null; }\n"
    "  else\n"
    "    say push \"$a\" \"$d\"\n"
    "    head -c \"$n\" | { cat >>\"$1\" || cat >/dev/null; }\n"
    "  fi\n"
    "  if whole \"$1\" && starts \"$1\"; then say pushed \"$d\"; return 0; fi\n"
    "  rm -f \"$1\"\n"
    "  [ \"$z\" -gt 0 ] || return 1\n"
    "  z=0\n"
    "  fresh \"$1\" && receive \"$1\"\n"
    "}\n"
    "prune() {\n"
    "  set -- \"$d\"/node-*\n"
    "  [ $# -le 3 ] || ls -t \"$@\" | { read x; read x; read x; while read x; do rm -f \"$x\"; "
    "done; }\n"
    "}\n"
    // The helper works with the user's own umask.
    "run() { say run; umask \"$o\"; }\n"
    // With a way to verify it, the helper is kept in $d for the next time.
    "kept() {\n"
    "  f=$d/node-$h\n"
    "  if [ -e \"$f\" ] || [ -L \"$f\" ]; then\n"
    "    if whole \"$f\"; then\n"
    "      [ -x \"$f\" ] || chmod 700 \"$f\"\n"
    "      starts \"$f\" || return\n"
    "      run; exec \"$f\" serve 2>&3 3>&-\n"
    "    fi\n"
    "    rm -rf \"$f\"; say altered \"$f\"\n"
    "  fi\n"
    "  t=$d/.new$$\n"
    "  fresh \"$t\" && receive \"$t\" && mv -f \"$t\" \"$f\" || return\n"
    "  prune\n"
    "  run; exec \"$f\" serve 2>&3 3>&-\n"
    "}\n"
    // Without one, it serves this session alone: the file is gone before the helper starts, where
    // /proc allows.
    "once() {\n"
    "  w=$d/.once$$\n"
    "  rm -rf \"$w\"; mkdir \"$w\" || return\n"
    "  if fresh \"$w/node\" && receive \"$w/node\"; then\n"
    "    run\n"
    "    exec 9<\"$w/node\"\n"
    "    if [ -r /proc/self/fd/9 ]; then rm -rf \"$w\"; exec /proc/self/fd/9 serve 2>&3 3>&-; fi\n"
    "    exec 9<&-\n"
    "    \"$w/node\" serve 2>&3 3>&-; r=$?; rm -rf \"$w\"; exit $r\n"
    "  fi\n"
    "  rm -rf \"$w\"\n"
    "}\n"
    // Starts the helper from the folder $1; comes back when that cannot be.
    "from() {\n"
    "  d=$1\n"
    "  case $d in /*)\n"
    "    if usable \"$d\" $2; then\n"
    "      [ -n \"$first\" ] || say fallback \"$d\"\n"
    "      if [ -n \"$sum\" ]; then kept; else once; fi\n"
    "    fi;;\n"
    "  esac\n"
    "  first=\n"
    "}\n"
    "a=$(uname -m)\n"
    "known \"$a\" || { say fail arch \"$a\"; exit 1; }\n"
    "exec 3>&2 2>/dev/null\n"
    "sum=; command -v sha256sum >/dev/null && sum=1\n"
    "command -v gzip >/dev/null || z=0\n"
    "first=1\n"
    "from \"${HOME:+$HOME/.cache/andon}\" home\n"
    "from \"${XDG_CACHE_HOME:+$XDG_CACHE_HOME/andon}\" home\n"
    "u=$(id -u)\n"
    "for d in /var/tmp /tmp /dev/shm; do from \"$d/.andon-$u\" shared; done\n"
    "from \"/run/user/$u/andon\" home\n"
    "say fail dir\n"
    "exit 1\n";

static const char *detach_to(struct arena *a, struct buf *b)
{
    const char *s = arena_strndup(a, buf_str(b), b->len);
    buf_release(b);
    return s;
}

const char *boot_script(struct arena *a, const struct boot_helper *h, size_t n)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "o=$(umask)\numask 077\nknown() {\n  case $1 in\n");
    for (size_t i = 0; i < n; i++)
        buf_addf(&b, "  %s) h=%s; n=%zu; z=%zu;;\n", h[i].arch, h[i].sha256, h[i].len, h[i].gz_len);
    buf_adds(&b, "  *) return 1;;\n  esac\n}\n");
    buf_adds(&b, second_part);
    return detach_to(a, &b);
}

const char *boot_command(struct arena *a, const struct boot_helper *h, size_t n, const char *second)
{
    struct buf b = BUF_INIT;
    buf_adds(&b, "exec /bin/sh -c '");
    if (n == 1) {
        buf_addf(&b, "h=%s;b=%s;", h[0].sha256, h[0].blake2);
    } else {
        buf_adds(&b, "case $(uname -m) in ");
        for (size_t i = 0; i < n; i++)
            buf_addf(&b, "%s) h=%s;b=%s;;", h[i].arch, h[i].sha256, h[i].blake2);
        buf_adds(&b, "esac;");
    }
    buf_adds(&b, "d=\"$HOME/.cache/andon\";f=\"$d/node-$h\";");
    buf_adds(&b, first_part);
    buf_addf(&b, "echo;echo " SAY_MARK "script;c=$(head -c %zu);eval \"$c\"'", strlen(second));
    return detach_to(a, &b);
}

// --- answers

static const struct verb {
    const char *word;
    enum boot_verb verb;
} verbs[] = {
    {"altered", BOOT_ALTERED}, {"fail", BOOT_FAIL},     {"fallback", BOOT_FALLBACK},
    {"push", BOOT_PUSH},       {"pushed", BOOT_PUSHED}, {"pushz", BOOT_PUSH_PACKED},
    {"run", BOOT_RUN},         {"script", BOOT_SCRIPT},
};

void boot_reader_init(struct boot_reader *r)
{
    *r = (struct boot_reader){.skipped = 0};
    buf_init(&r->line, BOOT_LINE_MAX);
    buf_init(&r->noise, NOISE_KEPT);
}

void boot_reader_release(struct boot_reader *r)
{
    buf_release(&r->line);
    buf_release(&r->noise);
}

static enum boot_verb parse_answer(char *s, const char **arg)
{
    char *sp = strchr(s, ' ');
    size_t n = sp ? (size_t)(sp - s) : strlen(s);
    *arg = sp ? sp + 1 : "";
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strlen(verbs[i].word) == n && strncmp(verbs[i].word, s, n) == 0)
            return verbs[i].verb;
    return BOOT_NOISE;
}

// Judges the complete line in r->line.
static enum boot_verb end_line(struct boot_reader *r, const char **arg)
{
    while (r->line.len && r->line.p[r->line.len - 1] == '\r')
        r->line.p[--r->line.len] = '\0';
    char *mark = r->line.len ? memmem(r->line.p, r->line.len, BOOT_MARK, strlen(BOOT_MARK)) : NULL;
    if (mark)
        return parse_answer(mark + strlen(BOOT_MARK), arg);
    r->skipped += r->line.len + 1;
    if (r->line.len && r->noise.len + r->line.len < NOISE_KEPT) {
        buf_add(&r->noise, r->line.p, r->line.len);
        buf_addc(&r->noise, '\n');
    }
    return r->skipped > BOOT_NOISE_MAX ? BOOT_NOISE : BOOT_MORE;
}

enum boot_verb boot_feed(struct boot_reader *r, const char *s, size_t len, size_t *used,
                         const char **arg)
{
    *used = 0;
    *arg = "";
    while (*used < len) {
        const char *from = s + *used;
        const char *nl = memchr(from, '\n', len - *used);
        size_t n = nl ? (size_t)(nl - from) : len - *used;
        if (r->line.len + n > BOOT_LINE_MAX) { // too long for an answer: only counted
            r->skipped += r->line.len + n;
            if (r->skipped > BOOT_NOISE_MAX)
                return BOOT_NOISE;
            buf_clear(&r->line);
            n = nl ? n + 1 : n;
            *used += n;
            continue;
        }
        buf_add(&r->line, from, n);
        *used += n;
        if (!nl)
            break;
        ++*used;
        enum boot_verb v = end_line(r, arg);
        r->line.len = 0; // the bytes stay, for *arg
        if (v != BOOT_MORE)
            return v;
    }
    return BOOT_MORE;
}
