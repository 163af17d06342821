// BLAKE2b (RFC 7693) with 256 bits, which hosts compute three times as fast as SHA-256 (`b2sum -l
// 256`).
#ifndef CORE_BLAKE2_H
#define CORE_BLAKE2_H

#include <stddef.h>

#define BLAKE2_HEX 65

// The digest of data as lower-case hex with a NUL.
void blake2_hex(const void *data, size_t len, char out[BLAKE2_HEX]);

#endif
