// Starting the helper on a host: the shell script that finds or receives it, and the reader of the
// script's answers.
#ifndef FLEET_BOOT_H
#define FLEET_BOOT_H

#include "core/arena.h"
#include "core/buf.h"

#include <stddef.h>

#define BOOT_MARK "@andon:1:"
#define BOOT_NOISE_MAX (64u << 10) // output of profiles and banners that is skipped
#define BOOT_LINE_MAX 4096         // one answer
#define BOOT_PUSH_MAX 8            // times a host may ask for the helper

// A helper binary as the script needs to know it.
struct boot_helper {
    const char *arch;   // as uname -m says
    const char *sha256; // hex
    const char *blake2; // hex, of 256 bits
    size_t len;
    size_t gz_len; // packed by gzip; 0: there is no such file
};

// The second part of the script, read from stdin when the first found no cached helper. In a.
const char *boot_script(struct arena *a, const struct boot_helper *h, size_t n);
// The remote command: one line that any login shell passes on to /bin/sh. second is boot_script()'s
// text. In a.
const char *boot_command(struct arena *a, const struct boot_helper *h, size_t n,
                         const char *second);

enum boot_verb {
    BOOT_MORE,        // nothing yet
    BOOT_SCRIPT,      // the host wants the second part
    BOOT_PUSH,        // arg: "arch folder"; the host wants the binary
    BOOT_PUSH_PACKED, // the same; it wants it packed
    BOOT_ALTERED,     // arg: path of a cached file that was not ours
    BOOT_FALLBACK,    // arg: folder used instead of the usual one
    BOOT_PUSHED,      // arg: folder
    BOOT_RUN,         // the helper runs: frames follow
    BOOT_FAIL,        // arg: why the helper cannot be started
    BOOT_NOISE,       // too much other output, or an answer we do not know
};

// Reads the host's output up to the point where frames begin.
struct boot_reader {
    struct buf line;
    struct buf noise; // the start of what was no answer, for error messages
    size_t skipped;
};

void boot_reader_init(struct boot_reader *r);
void boot_reader_release(struct boot_reader *r);
// Takes bytes until an answer is complete; *used says how many. *arg is good until the next call.
enum boot_verb boot_feed(struct boot_reader *r, const char *s, size_t len, size_t *used,
                         const char **arg);

#endif
